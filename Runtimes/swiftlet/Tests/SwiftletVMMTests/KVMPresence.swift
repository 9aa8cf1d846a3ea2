// SPDX-License-Identifier: Apache-2.0
import VMMSysUtil

/// Whether guests can run here; `make test` runs all tests where they can.
enum KVMPresence {
    static var isUsable: Bool {
        do {
            _ = try FileDescriptor.open("/dev/kvm", .readWrite)
            return true
        } catch {
            return false
        }
    }
}
