// SPDX-License-Identifier: Apache-2.0
public import VMMemory
public import VMMSysUtil

extension Kernel {
    /// Carries out a plan: kernel, zeroed BSS, relocations, zero page or PVH structures, command line.
    ///
    /// A kernel in a file is read straight into guest memory. The initrd is `BootPlan.loadInitrd`'s, the device tree
    /// the caller's.
    public borrowing func load(_ plan: BootPlan, into memory: GuestMemory) throws(KernelLoadError) {
        for segment in plan.segments { try load(segment, into: memory) }
        if let relocation = plan.relocation, relocation.offset != 0 {
            let words = try relocationWords(relocation.table)
            try words.apply(relocation, segments: plan.segments, in: memory)
        }
        for structure in plan.structures {
            try KernelLoadError.wrap(structure.part) { () throws(GuestMemoryError) in
                try structure.bytes.withBytes { (bytes) throws(GuestMemoryError) in
                    try memory.write(at: structure.address, from: bytes)
                }
            }
        }
    }

    private borrowing func load(_ segment: BootPlan.Segment, into memory: GuestMemory) throws(KernelLoadError) {
        let start = segment.range.start
        // A plan is a value anyone can keep: it may belong to another kernel or another memory.
        guard segment.fileByteCount <= segment.range.byteCount else { throw .planMismatch }
        switch storage {
        case .file(let file):
            do throws(GuestMemoryError) {
                try memory.readFile(file, fileOffset: segment.fileOffset, byteCount: segment.fileByteCount, to: start)
            } catch {
                throw .memory(.kernel, error)
            }
        case .buffer(let buffer):
            try buffer.withBytes(at: segment.fileOffset, byteCount: segment.fileByteCount) {
                (bytes) throws(KernelLoadError) in
                try KernelLoadError.wrap(.kernel) { () throws(GuestMemoryError) in
                    try memory.write(at: start, from: bytes)
                }
            }
        }
        try KernelLoadError.wrap(.kernel) { () throws(GuestMemoryError) in
            try memory.zero(
                from: GuestAddress(start.rawValue &+ segment.fileByteCount),
                byteCount: segment.range.byteCount &- segment.fileByteCount)
        }
    }

    private borrowing func relocationWords(_ table: RelocationTable) throws(KernelLoadError) -> RelocationWords {
        switch storage {
        case .file(let file):
            do throws(KernelImageError) {
                return try RelocationWords(FileSource(file), table)
            } catch {
                throw .image(error)
            }
        case .buffer(let buffer):
            return try buffer.withBytes(at: table.fileOffset, byteCount: table.byteCount) {
                (bytes) throws(KernelLoadError) in
                do throws(KernelImageError) {
                    return try RelocationWords(
                        BufferSource(bytes: bytes),
                        RelocationTable(fileOffset: 0, byteCount: table.byteCount, linkedOffset: table.linkedOffset))
                } catch {
                    throw .image(error)
                }
            }
        }
    }
}

extension BootPlan {
    /// Reads the initrd from a regular file straight into its place.
    public func loadInitrd(_ file: borrowing FileDescriptor, into memory: GuestMemory) throws(KernelLoadError) {
        guard let initrd else { return }
        do throws(GuestMemoryError) {
            try memory.readFile(file, fileOffset: 0, byteCount: initrd.byteCount, to: initrd.start)
        } catch {
            throw .memory(.initrd, error)
        }
    }

    /// Copies the initrd from host memory to its place.
    public func loadInitrd(bytes: UnsafeRawBufferPointer, into memory: GuestMemory) throws(KernelLoadError) {
        guard let initrd else { return }
        guard UInt64(bytes.count) == initrd.byteCount else { throw .planMismatch }
        try KernelLoadError.wrap(.initrd) { () throws(GuestMemoryError) in
            try memory.write(at: initrd.start, from: bytes)
        }
    }
}
