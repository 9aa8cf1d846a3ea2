// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import LinuxLoader

/// What fuzzed bytes came to as a kernel command line.
public struct FuzzedCommandLine: Equatable, Sendable {
    /// What was read, with what was inserted behind it.
    public var text = ""
    /// Why it is none.
    public var error: CommandLineError?
}

/// Reads bytes as a kernel command line, and inserts its words again one by one. It must fit, end in its only NUL, read
/// back the same, and a refused insertion must change nothing; else the harness aborts.
///
/// The input: `u16` capacity, modulo 2049; the text; from the first line feed on, a `key=value` a line to insert.
@discardableResult
public func fuzzCommandLine(_ bytes: UnsafeRawBufferPointer) -> FuzzedCommandLine {
    guard bytes.count >= 2 else { return FuzzedCommandLine(error: .capacity(0)) }
    let capacity = (Int(bytes[0]) | Int(bytes[1]) << 8) % 2049
    let lines = bytes[2...].split(separator: 10, omittingEmptySubsequences: false).map {
        String(decoding: $0, as: UTF8.self)
    }
    var line: CommandLine
    do throws(CommandLineError) {
        line = try CommandLine(parsing: lines.first ?? "", capacity: capacity)
    } catch {
        return FuzzedCommandLine(error: error)
    }
    check(line)
    for entry in lines.dropFirst() {
        let before = line
        let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        do throws(CommandLineError) {
            if parts.count == 2 { try line.insert(key: parts[0], value: parts[1]) } else { try line.insert(entry) }
        } catch {
            if line != before { finding("a refused insertion changed the text") }
        }
        guard line.description.utf8.count < capacity else { finding("longer than its capacity") }
    }
    return FuzzedCommandLine(text: line.description)
}

/// What was parsed must go to the guest as it is, and be the same when it is read again.
private func check(_ line: CommandLine) {
    do throws(CommandLineError) {
        let rendered = try line.rendered()
        guard rendered.count <= line.capacity, rendered.firstIndex(of: 0) == rendered.count - 1 else {
            finding("rendered text of \(rendered.count) bytes in a capacity of \(line.capacity)")
        }
        guard try CommandLine(parsing: line.description, capacity: line.capacity) == line else {
            finding("another text when it is read again")
        }
    } catch {
        // There must be something for the kernel before the words for init.
        guard error == .onlyInitArguments else { finding("what was parsed is refused: \(error)") }
    }
    _ = line.containsKernelArgument("nokaslr")
}

/// Ends the process, so that the fuzzer keeps the input.
private func finding(_ text: String) -> Never {
    print("finding: \(text)")
    fflush(nil)
    abort()
}
