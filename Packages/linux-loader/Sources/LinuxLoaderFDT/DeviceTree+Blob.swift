// SPDX-License-Identifier: Apache-2.0
internal import CFDT
public import LinuxLoader
public import VMMemory

extension DeviceTree {
    /// The flattened tree (Devicetree Specification 0.4, chapter 5), version 17, no byte longer than it must be.
    /// - Parameter capacity: the most bytes that it may take, at most `maximumByteCount`.
    /// - Throws: the first rule that is broken, or `.tooLarge`.
    public func blob(capacity: Int = maximumByteCount) throws(DeviceTreeError) -> [UInt8] {
        try check()
        let capacity = max(0, min(capacity, Self.maximumByteCount))
        var failure: DeviceTreeError?
        let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            do throws(DeviceTreeError) {
                count = try DeviceTreeWriter(buffer).write(self)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Writes the blob where a plan made room for it. The tree may name the plan's initrd, so it comes after the plan.
    public func write(into memory: GuestMemory, plan: BootPlan) throws(DeviceTreeWriteError) {
        guard let range = plan.deviceTree else { throw .noRoomPlanned }
        let bytes: [UInt8]
        do throws(DeviceTreeError) {
            bytes = try blob(capacity: Int(clamping: range.byteCount))
        } catch {
            throw .tree(error)
        }
        var failure: GuestMemoryError?
        bytes.withUnsafeBytes { buffer in
            do throws(GuestMemoryError) {
                try memory.write(at: range.start, from: buffer)
            } catch {
                failure = error
            }
        }
        if let failure { throw .memory(failure) }
    }
}

/// Why a tree is not in a guest's memory.
public enum DeviceTreeWriteError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The plan is for an architecture without a device tree.
    case noRoomPlanned
    /// The tree is wrong or too large for the planned room.
    case tree(DeviceTreeError)
    /// The planned place is not in this memory.
    case memory(GuestMemoryError)

    /// One line, lower case.
    public var description: String {
        switch self {
        case .noRoomPlanned: "the boot plan has no room for a device tree"
        case .tree(let error): "\(error)"
        case .memory(let error): "the device tree cannot be written: \(error)"
        }
    }
}

/// libfdt's calls for a tree that is written from front to back.
private struct DeviceTreeWriter {
    let blob: UnsafeMutableRawPointer?
    let capacity: Int32

    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
        blob = UnsafeMutableRawPointer(buffer.baseAddress)
        capacity = Int32(clamping: buffer.count)
    }

    /// - Returns: the blob's size.
    func write(_ tree: DeviceTree) throws(DeviceTreeError) -> Int {
        try ensure(fdt_create(blob, capacity))
        for range in tree.reservations {
            try ensure(fdt_add_reservemap_entry(blob, range.start.rawValue, range.byteCount))
        }
        try ensure(fdt_finish_reservemap(blob))
        try write(tree.root)
        try ensure(fdt_finish(blob))
        guard let blob else { throw .tooLarge(capacity: 0) }
        let header = blob.assumingMemoryBound(to: fdt_header.self)
        header.pointee.boot_cpuid_phys = tree.bootProcessor.bigEndian
        return Int(UInt32(bigEndian: header.pointee.totalsize))
    }

    private func write(_ node: DeviceTreeNode) throws(DeviceTreeError) {
        try ensure(fdt_begin_node(blob, node.name))
        for property in node.properties {
            let value = property.value.encoded
            try ensure(fdt_property(blob, property.name, value, Int32(clamping: value.count)))
        }
        for child in node.children { try write(child) }
        try ensure(fdt_end_node(blob))
    }

    private func ensure(_ result: Int32) throws(DeviceTreeError) {
        if result == -FDT_ERR_NOSPACE { throw .tooLarge(capacity: Int(capacity)) }
        if result < 0 { throw .library(-result) }
    }
}
