// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// The vm-memory crate on the same mapping, if the library that `run` builds is there.
struct RustPeer {
    private typealias Make = @convention(c) (UnsafeMutableRawPointer, UInt64, Int) -> UnsafeMutableRawPointer?
    typealias Load = @convention(c) (UnsafeMutableRawPointer, UInt64, UInt64, UInt64) -> UInt64
    typealias Store = @convention(c) (UnsafeMutableRawPointer, UInt64, UInt64, UInt64) -> Void
    typealias Chase = @convention(c) (UnsafeMutableRawPointer, UInt64, UInt64) -> UInt64

    let memory: UnsafeMutableRawPointer
    let load: Load
    let store: Store
    let chase: Chase

    /// Opens the library that the environment variable `VM_MEMORY_RUST` names; nil without one.
    init?(host: UnsafeMutableRawPointer, base: UInt64, byteCount: Int) {
        guard let path = getenv("VM_MEMORY_RUST"), let library = dlopen(path, RTLD_NOW),
            let make = dlsym(library, "rust_memory"), let load = dlsym(library, "rust_load"),
            let store = dlsym(library, "rust_store"), let chase = dlsym(library, "rust_chase"),
            let memory = unsafeBitCast(make, to: Make.self)(host, base, byteCount)
        else { return nil }
        self.memory = memory
        self.load = unsafeBitCast(load, to: Load.self)
        self.store = unsafeBitCast(store, to: Store.self)
        self.chase = unsafeBitCast(chase, to: Chase.self)
    }
}
