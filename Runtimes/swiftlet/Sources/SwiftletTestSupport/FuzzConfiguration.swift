// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import SwiftletVMM

/// What fuzzed bytes came to as a configuration file.
public enum FuzzedConfiguration: Equatable, Sendable {
    /// It is one, for so many devices.
    case accepted(deviceCount: Int)
    /// It is none.
    case refused(ConfigError)
}

/// Reads any bytes as swiftlet's `--config-file`: as JSON, and each section as what it is about. No path in it is opened.
/// A refusal without a line that says why, or of more than one, aborts.
@discardableResult
public func fuzzConfiguration(_ bytes: UnsafeRawBufferPointer) -> FuzzedConfiguration {
    do throws(ConfigError) {
        return .accepted(deviceCount: try ConfigProbe.deviceCount(in: Array(bytes)))
    } catch {
        let line = "\(error)"
        guard !line.isEmpty, line.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            print("finding: a refusal that is no line: \(line)")
            fflush(nil)
            abort()
        }
        return .refused(error)
    }
}
