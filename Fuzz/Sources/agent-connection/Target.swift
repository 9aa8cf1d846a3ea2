// SPDX-License-Identifier: Apache-2.0
import FuzzRun
import NestTestSupport

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    switch fuzzAgentConnection(UnsafeRawBufferPointer(start: start, count: count)) {
    case .refused, .connected(answered: 0, failed: 0): counted(completed: false)
    case .connected: counted(completed: true)
    }
}
