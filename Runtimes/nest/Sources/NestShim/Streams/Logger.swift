// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestSandbox
internal import VMMSysUtil

/// A program that takes a container's output (`binary://`): it reads the outputs as descriptors 3 and 4, and says that it
/// is ready by closing descriptor 5.
final class Logger: Sendable {
    private let processID: Int32

    /// Starts the program, with its ends of the pipes, which this process then closes.
    init(
        _ path: String, arguments: [String], pipes: borrowing LoggerPipes, id: String, namespace: String
    ) throws(StreamError) {
        do throws(Errno) {
            let null = try FileDescriptor.open("/dev/null", .readWrite)
            let descriptors = [(0, null.rawValue), (1, null.rawValue), (2, null.rawValue)] + pipes.childEnds
            processID = try Launcher.shared.run("logger") { () -> Result<Int32, Errno> in
                do throws(Errno) {
                    return .success(
                        try Spawn.start(
                            path, arguments,
                            environment: Spawn.environment
                                + ["CONTAINER_ID=\(id)", "CONTAINER_NAMESPACE=\(namespace)"],
                            descriptors: descriptors, inNewSession: false))
                } catch { return .failure(error) }
            }.get()
            // Open until the program has its copies.
            _ = consume null
        } catch { throw .logger(path, error) }
        pipes.closeChildEnds()
    }

    /// Lets it end: its input has ended, so it may by itself; then it is asked to, then killed.
    func finish() {
        for step in 0..<120 {
            var status: Int32 = 0
            if waitpid(processID, &status, WNOHANG) != 0 { return }
            if step == 20 { kill(processID, SIGTERM) }
            Thread.sleep(for: .milliseconds(100))
        }
        kill(processID, SIGKILL)
        var status: Int32 = 0
        waitpid(processID, &status, 0)
    }
}

/// The pipes between the shim and a logger.
struct LoggerPipes: ~Copyable {
    /// In pairs, the reading end first: output, errors, readiness.
    private let numbers: [Int32]

    init() throws(StreamError) {
        do throws(Errno) {
            var numbers: [Int32] = []
            for _ in 0..<3 {
                let pipe = try Pipe()
                let reading = try pipe.readEnd.duplicate()
                let writing = try pipe.writeEnd.duplicate()
                numbers += [reading.release(), writing.release()]
            }
            self.numbers = numbers
        } catch { throw .relay(error) }
    }

    // What was closed by closeChildEnds is no longer this value's; the rest is.
    deinit { for index in [1, 3, 4] { close(numbers[index]) } }

    /// The logger's descriptors 3 to 5.
    var childEnds: [(Int32, Int32)] { [(3, numbers[0]), (4, numbers[2]), (5, numbers[5])] }

    /// Closes the logger's ends here, so that each pipe's end is seen. To be called once.
    func closeChildEnds() { for index in [0, 2, 5] { close(numbers[index]) } }

    /// Waits until the program has closed its descriptor 5, at most ten seconds.
    func waitUntilReady() -> Bool {
        var event = pollfd(fd: numbers[4], events: Int16(POLLIN), revents: 0)
        return poll(&event, 1, 10_000) == 1
    }

    func output() throws(StreamError) -> ClientEnd { try end(1) }
    func errors() throws(StreamError) -> ClientEnd { try end(3) }

    private func end(_ index: Int) throws(StreamError) -> ClientEnd {
        let copy = fcntl(numbers[index], F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw .relay(.last) }
        return ClientEnd(descriptor: FileDescriptor(owning: copy), isFIFO: true)
    }
}
