// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// Which pages the guest wrote: a bit a page, page 0 of the slot in bit 0 of the first word.
extension VirtualMachine {
    /// Words that a slot's log has; nil if the slot was not made through this object.
    public func dirtyLogWordCount(slot: UInt32) -> Int? {
        slots.withLock { VirtualMachine.wordCount(byteCount: $0[slot]) }
    }

    /// Takes a slot's log, and clears it unless `KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2` was enabled.
    /// - Throws: `ENOENT` if the slot was not made with `.logDirtyPages`; `.invalidArgument` for a slot that was not
    ///   made through this object.
    public func dirtyLog(slot: UInt32) throws(KVMError) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: dirtyLogWordCount(slot: slot) ?? 0)
        try readDirtyLog(slot: slot, into: &words)
        return words
    }

    /// Like `dirtyLog(slot:)`, without allocating.
    /// - Parameters:
    ///   - slot: one made with `.logDirtyPages`.
    ///   - words: at least `dirtyLogWordCount(slot:)` words; those beyond are left alone.
    public func readDirtyLog(slot: UInt32, into words: inout [UInt64]) throws(KVMError) {
        // The lock is held over the request: a slot that grew in between would be written past the end of `words`.
        try slots.withLock { (slots) throws(KVMError) in
            guard let wanted = VirtualMachine.wordCount(byteCount: slots[slot]) else {
                throw .invalidArgument(Ioctl.getDirtyLog.name, reason: "no such memory slot")
            }
            guard words.count >= wanted else {
                throw .invalidArgument(
                    Ioctl.getDirtyLog.name, reason: "room for \(words.count) words, \(wanted) needed")
            }
            try words.withUnsafeMutableBufferPointer { (bytes) throws(KVMError) -> Void in
                let request = DirtyLog(slot: slot, bitmap: UInt64(UInt(bitPattern: bytes.baseAddress)))
                try Ioctl.getDirtyLog.write(request, to: descriptor)
            }
        }
    }

    /// Clears a part of a slot's log and watches those pages again (`KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2`).
    /// - Parameters:
    ///   - slot: one made with `.logDirtyPages`.
    ///   - firstPage: a multiple of 64.
    ///   - pageCount: a multiple of 64, unless the part ends with the slot.
    ///   - words: a bit for each page of the part; only those that are set are cleared.
    public func clearDirtyLog(
        slot: UInt32, firstPage: UInt64, pageCount: UInt32, words: [UInt64]
    ) throws(KVMError) {
        guard UInt64(words.count) * 64 >= UInt64(pageCount) else {
            throw .invalidArgument(Ioctl.clearDirtyLog.name, reason: "\(words.count) words for \(pageCount) pages")
        }
        try words.withUnsafeBufferPointer { (bytes) throws(KVMError) -> Void in
            let request = ClearDirtyLog(
                slot: slot, pageCount: pageCount, firstPage: firstPage,
                bitmap: UInt64(UInt(bitPattern: bytes.baseAddress)))
            try Ioctl.clearDirtyLog.write(request, to: descriptor)
        }
    }

    /// Watches again the pages that were harvested from the vCPUs' dirty rings.
    /// - Returns: how many.
    @discardableResult
    public func resetDirtyRings() throws(KVMError) -> Int { Int(try Ioctl.resetDirtyRings.call(descriptor)) }

    private static func wordCount(byteCount: UInt64?) -> Int? {
        // 4 KiB a page and 64 pages a word, rounded up; a slot's size is a multiple of the page.
        byteCount.map { Int(clamping: ($0 >> 18) + ($0 & 0x3FFFF == 0 ? 0 : 1)) }
    }
}

/// `struct kvm_dirty_log`.
package struct DirtyLog: BitwiseCopyable {
    package var slot: UInt32
    package var padding: UInt32 = 0
    package var bitmap: UInt64
}

/// `struct kvm_clear_dirty_log`.
package struct ClearDirtyLog: BitwiseCopyable {
    package var slot: UInt32
    package var pageCount: UInt32
    package var firstPage: UInt64
    package var bitmap: UInt64
}

extension Ioctl {
    /// `KVM_GET_DIRTY_LOG`.
    public static let getDirtyLog = Ioctl("KVM_GET_DIRTY_LOG", .write, 0x42, DirtyLog.self)
    /// `KVM_CLEAR_DIRTY_LOG`.
    public static let clearDirtyLog = Ioctl("KVM_CLEAR_DIRTY_LOG", .readWrite, 0xC0, ClearDirtyLog.self)
    /// `KVM_RESET_DIRTY_RINGS`.
    public static let resetDirtyRings = Ioctl("KVM_RESET_DIRTY_RINGS", 0xC7)

    /// The requests of this file.
    static let dirtyLog: [Ioctl] = [getDirtyLog, clearDirtyLog, resetDirtyRings]
}
