// SPDX-License-Identifier: Apache-2.0
import FuzzRun
import TTRPCTestSupport

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let result = fuzzTTRPCFrame(UnsafeRawBufferPointer(start: start, count: count))
    return counted(completed: result.frames > 0)
}
