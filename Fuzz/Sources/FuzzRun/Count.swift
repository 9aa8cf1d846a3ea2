// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Synchronization

private let executions = Atomic<Int>(0)
private let completions = Atomic<Int>(0)
private let atExit: Void = {
    atexit {
        let all = executions.load(ordering: .relaxed)
        let completed = completions.load(ordering: .relaxed)
        print("completed: \(completed) of \(all) executions, \(100 * completed / max(1, all)) %")
        // Others may have the processor meanwhile: what counts is the time that this process had it.
        let seconds = Double(clock()) / Double(CLOCKS_PER_SEC)
        print("rate: \(Int(Double(all) / max(0.01, seconds))) executions a second of processor time")
    }
}()

/// Counts an execution, and says when the fuzzer ends how many of all completed what the target is about: a chain, a
/// request, a connection. Mutations that only ever break the outermost rule test nothing behind it.
/// - Returns: What libFuzzer wants to hear: keep the input if it reached something new.
public func counted(completed: Bool) -> CInt {
    _ = atExit
    executions.wrappingAdd(1, ordering: .relaxed)
    if completed { completions.wrappingAdd(1, ordering: .relaxed) }
    return 0
}
