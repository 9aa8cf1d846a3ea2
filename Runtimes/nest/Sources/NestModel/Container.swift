// SPDX-License-Identifier: Apache-2.0

/// The standard streams that a client wants for a process: paths of FIFOs or URIs, empty where a stream is absent.
public struct StreamPaths: Equatable, Sendable {
    /// Where the process reads.
    public var standardInput: String
    /// Where it writes.
    public var standardOutput: String
    /// Where it writes errors; empty with a terminal, which has one output.
    public var standardError: String
    /// Whether the process gets a terminal.
    public var isTerminal: Bool

    /// Takes the four as a client sent them.
    public init(
        standardInput: String = "", standardOutput: String = "", standardError: String = "", isTerminal: Bool = false
    ) {
        self.standardInput = standardInput
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.isTerminal = isTerminal
    }
}

/// Names in a container: what may be one, and where the guest keeps its things.
public enum ContainerName {
    /// Whether a client's id may be used as a file's name, here and in the guest (containerd's rule: letters, digits and
    /// `_.-`, beginning and ending with a letter or digit; at most 76 bytes).
    public static func isValid(_ id: String) -> Bool {
        let bytes = Array(id.utf8)
        guard let first = bytes.first, let last = bytes.last, bytes.count <= 76 else { return false }
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        }
        guard isAlphanumeric(first), isAlphanumeric(last) else { return false }
        return bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x5F || $0 == 0x2E || $0 == 0x2D }
    }

    /// Where the guest mounts the container's root file system.
    public static func guestRoot(_ id: String) -> String { "/run/kata-containers/\(id)/rootfs" }
    /// Where the guest mounts the read-only image.
    public static func guestImage(_ id: String) -> String { "/run/nest/images/\(id)" }
    /// Where the guest mounts the scratch disk.
    public static func guestScratch(_ id: String) -> String { "/run/nest/scratch/\(id)" }
}
