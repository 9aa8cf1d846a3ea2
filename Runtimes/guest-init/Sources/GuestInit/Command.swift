// SPDX-License-Identifier: Apache-2.0
import CGuestInit

/// The running command and our ends of its standard streams.
struct Command {
    let process: pid_t
    let input: Int32
    let output: Int32
    let error: Int32

    enum Start {
        case running(Command)
        case failed(Int32)
    }

    /// Starts the command with a pipe for each standard stream, so that it sees ordinary pipes and not devices that
    /// open only once.
    static func start(_ plan: RunPlan) throws(InitError) -> Start {
        let input = try Pipe()
        let output = try Pipe()
        let error = try Pipe()
        let result = withCStrings(plan.arguments) { arguments in
            withCStrings(plan.environment) { environment in
                guest_spawn(arguments, environment, plan.directory, input.readEnd, output.writeEnd, error.writeEnd)
            }
        }
        close(input.readEnd)
        close(output.writeEnd)
        close(error.writeEnd)
        if result < 0 {
            close(input.writeEnd)
            close(output.readEnd)
            close(error.readEnd)
            return .failed(-result)
        }
        for end in [input.writeEnd, output.readEnd, error.readEnd] { guest_set_nonblocking(end) }
        return .running(
            Command(process: result, input: input.writeEnd, output: output.readEnd, error: error.readEnd))
    }
}

private struct Pipe {
    let readEnd: Int32
    let writeEnd: Int32

    init() throws(InitError) {
        var ends: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutablePointer(to: &ends) { pointer in
            pointer.withMemoryRebound(to: Int32.self, capacity: 2) { pipe2($0, O_CLOEXEC) }
        }
        if result < 0 { throw InitError("pipe", errno) }
        (readEnd, writeEnd) = ends
    }
}

/// Passes texts as the NULL-terminated array that exec takes.
private func withCStrings<Result>(
    _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = []
    for text in texts { pointers.append(strdup(text)) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeBufferPointer { buffer in
        // invariant: never nil, the array holds at least its terminator.
        buffer.baseAddress.map(body) ?? body(UnsafePointer(bitPattern: 8).unsafelyUnwrapped)
    }
}
