// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Has one system call fail on the calling thread, for ever, by a seccomp filter: as on a host that does not have it, or where a
/// file system cannot do it.
/// - Returns: whether it does.
func forbid(systemCall number: UInt32, with error: Int32) -> Bool {
    typealias Prctl = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
    guard let symbol = dlsym(nil, "prctl") else { return false }
    let prctl = unsafeBitCast(symbol, to: Prctl.self)
    // code, jump if true, jump if false, operand: load the number, compare it, errno or allow.
    func instruction(_ code: UInt64, _ isTrue: UInt64, _ isFalse: UInt64, _ operand: UInt64) -> UInt64 {
        code | isTrue << 16 | isFalse << 24 | operand << 32
    }
    let filter = [
        instruction(0x20, 0, 0, 0), instruction(0x15, 0, 1, UInt64(number)),
        instruction(0x06, 0, 0, 0x0005_0000 | UInt64(error)), instruction(0x06, 0, 0, 0x7fff_0000),
    ]
    return filter.withUnsafeBytes { filter in
        let program = [UInt(4), UInt(bitPattern: filter.baseAddress)]
        // PR_SET_NO_NEW_PRIVS; PR_SET_SECCOMP with SECCOMP_MODE_FILTER.
        return program.withUnsafeBytes {
            prctl(38, 1, 0, 0, 0) == 0 && prctl(22, 2, UInt(bitPattern: $0.baseAddress), 0, 0) == 0
        }
    }
}

/// Carries what no other thread uses meanwhile to a thread that has such a filter.
struct Unsent<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
