// SPDX-License-Identifier: Apache-2.0
import FuzzRun
import NestTestSupport

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let result = fuzzAgentAnswer(UnsafeRawBufferPointer(start: start, count: count))
    return counted(completed: result != .refused)
}

@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(
    _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ maximum: Int, _ seed: CUnsignedInt
) -> Int {
    mutated(bytes, count, maximum, seed, rewrite: repairAgentAnswer)
}
