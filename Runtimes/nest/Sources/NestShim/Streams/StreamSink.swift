// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// The client's end of a standard stream, open.
struct ClientEnd: ~Copyable {
    let descriptor: FileDescriptor
    let isFIFO: Bool

    consuming func takeDescriptor() -> FileDescriptor { descriptor }

    /// Opens what a process reads.
    static func input(_ text: String) throws(StreamError) -> ClientEnd {
        guard case .fifo(let path) = try StreamTarget(text) else { throw .notForInput(text) }
        do throws(Errno) {
            let isFIFO = try isFIFO(path)
            let flags: OpenFlags = [.readOnly, .nonBlocking, .noControllingTerminal]
            return ClientEnd(descriptor: try FileDescriptor.open(path, flags), isFIFO: isFIFO)
        } catch { throw .open(path, error) }
    }

    /// Opens where a process writes: a FIFO or a file.
    static func output(_ text: String) throws(StreamError) -> ClientEnd {
        switch try StreamTarget(text) {
        case .fifo(let path):
            do throws(Errno) {
                // For reading as well: a reader that is gone takes nothing away and is no error, and another may come.
                let isFIFO = try isFIFO(path)
                let flags: OpenFlags =
                    isFIFO ? [.readWrite, .nonBlocking] : [.writeOnly, .append, .noControllingTerminal]
                return ClientEnd(descriptor: try FileDescriptor.open(path, flags), isFIFO: isFIFO)
            } catch { throw .open(path, error) }
        case .file(let path):
            do throws(Errno) {
                try Directory.make(Files.split(path).directory, mode: 0o755)
                let flags: OpenFlags = [.writeOnly, .create, .append, .noControllingTerminal]
                return ClientEnd(descriptor: try FileDescriptor.open(path, flags, mode: 0o644), isFIFO: false)
            } catch { throw .open(path, error) }
        case .binary: throw .loggerForOneOutput(text)
        }
    }

    private static func isFIFO(_ path: String) throws(Errno) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else { throw .last }
        return status.st_mode & S_IFMT == S_IFIFO
    }
}
