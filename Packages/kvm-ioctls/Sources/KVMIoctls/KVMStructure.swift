// SPDX-License-Identifier: Apache-2.0

/// A structure of KVM's binary interface: fixed layout, no pointers to Swift objects, no implicit padding.
///
/// The layouts are written in Swift, so that callers get Swift names and documentation and no C module; a test compares
/// every size and offset with the kernel's headers.
public protocol KVMStructure: BitwiseCopyable, Equatable, Sendable {
    /// All bytes zero, or the value that the kernel expects where zero would be wrong.
    init()
}

extension KVMStructure {
    /// Equal in every byte.
    public static func == (left: Self, right: Self) -> Bool {
        withUnsafeBytes(of: left) { left in
            withUnsafeBytes(of: right) { right in left.elementsEqual(right) }
        }
    }

    /// Takes over saved bytes. KVM's structures grow at their end only: what is missing there reads as zero, and what a
    /// newer version has appended is dropped.
    public init(savedBytes: UnsafeRawBufferPointer) {
        self.init()
        withUnsafeMutableBytes(of: &self) { own in
            own.initializeMemory(as: UInt8.self, repeating: 0)
            own.copyMemory(from: UnsafeRawBufferPointer(rebasing: savedBytes.prefix(own.count)))
        }
    }
}
