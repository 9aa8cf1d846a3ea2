// SPDX-License-Identifier: Apache-2.0

/// What a machine is made of.
public struct MachineConfig: Sendable {
    /// The kernel: bzImage, ELF with a PVH note or a 64-bit entry.
    public var kernelPath: String
    /// The initial RAM file system, if any.
    public var initrdPath: String?
    /// Bytes that follow the initrd in memory, a cpio archive that Linux unpacks over it.
    public var initrdExtra: [UInt8]
    /// Kernel arguments, put behind `defaultCommandLine`; the last of two alike wins.
    public var commandLine: String
    /// Whether `defaultCommandLine` comes before them.
    public var hasDefaultCommandLine: Bool
    /// Guest memory in bytes, a multiple of 4096.
    public var memoryBytes: UInt64
    /// Virtual CPUs, 1 to 254.
    public var cpuCount: Int
    /// Whether there is a keyboard, on which Ctrl-Alt-Del can be pressed.
    public var hasKeyboard: Bool
    /// Whether the guest's drivers may choose packed rings (virtio 1.2, 2.8); Linux then takes them.
    public var offersPackedRings: Bool
    /// Block devices, in the order in which the guest names them `/dev/vda`, `/dev/vdb`, ...
    public var drives: [DriveConfig]

    /// A machine of one CPU and 256 MiB.
    public init(kernelPath: String) {
        self.kernelPath = kernelPath
        initrdPath = nil
        initrdExtra = []
        commandLine = ""
        hasDefaultCommandLine = true
        memoryBytes = 256 << 20
        cpuCount = 1
        hasKeyboard = false
        offersPackedRings = false
        drives = []
    }

    /// A console on the serial port; a panic restarts at once, and leaves a mark that tells it from a wish to restart.
    public static let defaultCommandLine = "console=ttyS0 panic=-1 reboot=panic_warm pci=off 8250.nr_uarts=1"

    /// Checks what can be checked before anything is made.
    func validate() throws(MachineError) {
        guard (1...Layout.maximumCPUs).contains(cpuCount) else { throw .cpuCount(cpuCount) }
        // 1 MiB is where the first kernel could begin; beyond 1 TiB no host of today can follow.
        guard memoryBytes > 1 << 20, memoryBytes <= 1 << 40, memoryBytes.isMultiple(of: 4096) else {
            throw .memorySize(memoryBytes)
        }
    }
}

/// A file that the guest sees as a disk.
public struct DriveConfig: Equatable, Sendable {
    /// The raw image, or a block device.
    public var path: String
    /// Whether the guest can only read.
    public var isReadOnly: Bool

    /// Names a file.
    public init(path: String, isReadOnly: Bool = false) {
        self.path = path
        self.isReadOnly = isReadOnly
    }
}
