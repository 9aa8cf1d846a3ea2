// SPDX-License-Identifier: Apache-2.0
import VirtioQueueTestSupport

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    _ = fuzzQueueState(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
