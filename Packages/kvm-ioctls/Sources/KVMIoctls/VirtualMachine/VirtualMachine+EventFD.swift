// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// eventfds in both directions: one that raises an interrupt, one that a guest's write signals without an exit.
extension VirtualMachine {
    /// Where a guest's write signals an eventfd.
    public enum IOEventAddress: Hashable, Sendable {
        /// An I/O port.
        case port(UInt16)
        /// A guest physical address.
        case mmio(UInt64)
    }

    /// Which writes to the address count.
    public enum IOEventMatch: Hashable, Sendable {
        /// A write of any width and value (`KVM_CAP_IOEVENTFD_NO_LENGTH`, and `_ANY_LENGTH` for MMIO): the fastest.
        case any
        /// A write of this many bytes (1, 2, 4 or 8), of any value.
        case width(UInt32)
        /// A one-byte write of this value.
        case byte(UInt8)
        /// A two-byte write of this value.
        case word(UInt16)
        /// A four-byte write of this value.
        case long(UInt32)
        /// An eight-byte write of this value.
        case quad(UInt64)
    }

    /// Signals an eventfd when the guest writes to an address. The write then causes no exit.
    /// - Throws: `EEXIST` if such a write signals another eventfd already.
    public func registerIOEvent(
        _ event: borrowing FileDescriptor, at address: IOEventAddress, matching match: IOEventMatch = .any
    ) throws(KVMError) {
        try Ioctl.ioEventFD.write(IOEvent(event, address, match, flags: 0), to: descriptor)
    }

    /// Ends what `registerIOEvent` began with the same three arguments.
    /// - Throws: `ENOENT` if they were never registered together.
    public func unregisterIOEvent(
        _ event: borrowing FileDescriptor, at address: IOEventAddress, matching match: IOEventMatch = .any
    ) throws(KVMError) {
        try Ioctl.ioEventFD.write(IOEvent(event, address, match, flags: IOEvent.deassign), to: descriptor)
    }

    /// Raises an interrupt each time the eventfd is written, as an edge.
    ///
    /// Several eventfds may raise one interrupt. The interrupt controller (or a split one's routes) must exist.
    /// - Throws: `EBUSY` if the eventfd raises an interrupt already.
    public func registerInterrupt(_ event: borrowing FileDescriptor, gsi: UInt32) throws(KVMError) {
        try Ioctl.irqFD.write(InterruptEvent(event.rawValue, gsi, flags: 0, resample: 0), to: descriptor)
    }

    /// Raises a level-triggered interrupt: the line stays up until the guest acknowledges it; then the line goes down
    /// and `resample` is written, upon which the device that still wants attention writes to `event` again.
    public func registerInterrupt(
        _ event: borrowing FileDescriptor, gsi: UInt32, resample: borrowing FileDescriptor
    ) throws(KVMError) {
        let request = InterruptEvent(
            event.rawValue, gsi, flags: InterruptEvent.resample, resample: UInt32(bitPattern: resample.rawValue))
        try Ioctl.irqFD.write(request, to: descriptor)
    }

    /// Ends `registerInterrupt`. The kernel accepts a pair that was never registered, without a word.
    public func unregisterInterrupt(_ event: borrowing FileDescriptor, gsi: UInt32) throws(KVMError) {
        let request = InterruptEvent(event.rawValue, gsi, flags: InterruptEvent.deassign, resample: 0)
        try Ioctl.irqFD.write(request, to: descriptor)
    }
}

/// `struct kvm_ioeventfd`.
package struct IOEvent: BitwiseCopyable {
    package static let dataMatch: UInt32 = 1 << 0
    package static let pio: UInt32 = 1 << 1
    package static let deassign: UInt32 = 1 << 2

    package var value: UInt64 = 0
    package var address: UInt64
    package var byteCount: UInt32 = 0
    package var descriptor: Int32
    package var flags: UInt32
    package var padding: [36 of UInt8] = .init(repeating: 0)

    init(
        _ event: borrowing FileDescriptor, _ address: VirtualMachine.IOEventAddress,
        _ match: VirtualMachine.IOEventMatch, flags: UInt32
    ) {
        descriptor = event.rawValue
        switch address {
        case .port(let port): (self.address, self.flags) = (UInt64(port), flags | IOEvent.pio)
        case .mmio(let address): (self.address, self.flags) = (address, flags)
        }
        switch match {
        case .any: return
        case .width(let width):
            byteCount = width
            return
        case .byte(let value): (byteCount, self.value) = (1, UInt64(value))
        case .word(let value): (byteCount, self.value) = (2, UInt64(value))
        case .long(let value): (byteCount, self.value) = (4, UInt64(value))
        case .quad(let value): (byteCount, self.value) = (8, value)
        }
        self.flags |= IOEvent.dataMatch
    }
}

/// `struct kvm_irqfd`.
package struct InterruptEvent: BitwiseCopyable {
    package static let deassign: UInt32 = 1 << 0
    package static let resample: UInt32 = 1 << 1

    package var descriptor: UInt32
    package var gsi: UInt32
    package var flags: UInt32
    package var resampleDescriptor: UInt32
    package var padding: [16 of UInt8] = .init(repeating: 0)

    init(_ event: Int32, _ gsi: UInt32, flags: UInt32, resample: UInt32) {
        descriptor = UInt32(bitPattern: event)
        self.gsi = gsi
        self.flags = flags
        resampleDescriptor = resample
    }
}

extension Ioctl {
    /// `KVM_IRQFD`.
    public static let irqFD = Ioctl("KVM_IRQFD", .write, 0x76, InterruptEvent.self)
    /// `KVM_IOEVENTFD`.
    public static let ioEventFD = Ioctl("KVM_IOEVENTFD", .write, 0x79, IOEvent.self)

    /// The requests of this file.
    static let eventFD: [Ioctl] = [irqFD, ioEventFD]
}
