// SPDX-License-Identifier: Apache-2.0
import FuzzRun
import VirtioDevicesTestSupport

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let result = fuzzDeviceQueues(UnsafeRawBufferPointer(start: start, count: count))
    return counted(completed: result.completed > 0)
}
