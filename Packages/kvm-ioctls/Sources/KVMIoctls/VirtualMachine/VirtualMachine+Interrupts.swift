// SPDX-License-Identifier: Apache-2.0

/// Interrupt lines, messages and routes.
extension VirtualMachine {
    /// Sets the level of an interrupt line of the in-kernel controller.
    public func setInterruptLine(gsi: UInt32, isHigh: Bool) throws(KVMError) {
        try Ioctl.irqLine.write(InterruptLevel(gsi: gsi, level: isHigh ? 1 : 0), to: descriptor)
    }

    /// Sets the level of an interrupt line and tells what became of it.
    /// - Returns: above 0, the number of vCPUs it reached; 0, merged with one that is pending; below 0, masked.
    public func setInterruptLineReportingStatus(gsi: UInt32, isHigh: Bool) throws(KVMError) -> Int32 {
        var level = InterruptLevel(gsi: gsi, level: isHigh ? 1 : 0)
        try Ioctl.irqLineStatus.exchange(&level, with: descriptor)
        return Int32(bitPattern: level.gsi)
    }

    /// Sends a message-signalled interrupt.
    /// - Parameters:
    ///   - address: the message's address, as the guest programmed it.
    ///   - data: the message's data; on x86 the vector is in its lowest byte.
    ///   - deviceID: the sender, where the interrupt controller wants it (arm64 ITS).
    /// - Returns: whether a vCPU got it; false if the guest blocked it.
    @discardableResult
    public func signalMSI(address: UInt64, data: UInt32, deviceID: UInt32? = nil) throws(KVMError) -> Bool {
        let message = MSIMessage(
            addressLow: UInt32(truncatingIfNeeded: address), addressHigh: UInt32(truncatingIfNeeded: address >> 32),
            data: data, flags: deviceID == nil ? 0 : MSIMessage.validDeviceID, deviceID: deviceID ?? 0)
        return try Ioctl.signalMSI.write(message, to: descriptor) > 0
    }

    /// Replaces the whole table of interrupt routes: a GSI that it does not name leads nowhere any more.
    /// - Throws: `.tooManyEntries` above 4,096 routes.
    public func setInterruptRoutes(_ routes: [InterruptRoute]) throws(KVMError) {
        guard routes.count <= InterruptRoute.maximumCount else {
            throw .tooManyEntries(Ioctl.setGSIRouting.name, count: routes.count, limit: InterruptRoute.maximumCount)
        }
        let table = FlexibleArray<InterruptRoute.Entry>(headerByteCount: 8, capacity: routes.count)
        table.header.storeBytes(of: UInt32(routes.count), as: UInt32.self)
        for (index, route) in routes.enumerated() { table.entries[index] = route.entry }
        try Ioctl.setGSIRouting.call(descriptor, table.header)
    }
}

/// Where one global system interrupt (GSI) leads.
public struct InterruptRoute: Hashable, Sendable {
    /// `KVM_MAX_IRQ_ROUTES`.
    public static let maximumCount = 4096

    /// What a GSI is connected to.
    public enum Target: Hashable, Sendable {
        /// A pin of an in-kernel controller; on x86 chip 0 and 1 are the PICs, 2 is the IOAPIC.
        case pin(chip: UInt32, pin: UInt32)
        /// A message, with the sender where the controller wants it.
        case msi(address: UInt64, data: UInt32, deviceID: UInt32? = nil)
        /// A Hyper-V synthetic interrupt.
        case hyperVSynthetic(vcpu: UInt32, source: UInt32)
        /// A Xen event channel.
        case xenEventChannel(port: UInt32, vcpu: UInt32, priority: UInt32)
    }

    /// The number that `registerInterrupt` and `setInterruptLine` take.
    public var gsi: UInt32
    /// Where it leads.
    public var target: Target

    /// Connects a GSI.
    public init(gsi: UInt32, to target: Target) {
        self.gsi = gsi
        self.target = target
    }

    /// `struct kvm_irq_routing_entry`.
    package struct Entry: BitwiseCopyable {
        package var gsi: UInt32
        package var type: UInt32 = 0
        package var flags: UInt32 = 0
        package var padding: UInt32 = 0
        package var payload: [8 of UInt32] = .init(repeating: 0)
    }

    var entry: Entry {
        var entry = Entry(gsi: gsi)
        switch target {
        case .pin(let chip, let pin):
            entry.type = 1
            entry.payload[0] = chip
            entry.payload[1] = pin
        case .msi(let address, let data, let deviceID):
            entry.type = 2
            entry.payload[0] = UInt32(truncatingIfNeeded: address)
            entry.payload[1] = UInt32(truncatingIfNeeded: address >> 32)
            entry.payload[2] = data
            if let deviceID {
                entry.flags = MSIMessage.validDeviceID
                entry.payload[3] = deviceID
            }
        case .hyperVSynthetic(let vcpu, let source):
            entry.type = 4
            entry.payload[0] = vcpu
            entry.payload[1] = source
        case .xenEventChannel(let port, let vcpu, let priority):
            entry.type = 5
            entry.payload[0] = port
            entry.payload[1] = vcpu
            entry.payload[2] = priority
        }
        return entry
    }
}

/// `struct kvm_irq_level`; its first field is `gsi` going in and `status` coming out.
package struct InterruptLevel: BitwiseCopyable {
    package var gsi: UInt32
    package var level: UInt32
}

/// `struct kvm_msi`.
package struct MSIMessage: BitwiseCopyable {
    /// `KVM_MSI_VALID_DEVID`.
    package static let validDeviceID: UInt32 = 1

    package var addressLow: UInt32
    package var addressHigh: UInt32
    package var data: UInt32
    package var flags: UInt32
    package var deviceID: UInt32
    package var padding: [12 of UInt8] = .init(repeating: 0)
}

extension Ioctl {
    /// `KVM_IRQ_LINE`.
    public static let irqLine = Ioctl("KVM_IRQ_LINE", .write, 0x61, InterruptLevel.self)
    /// `KVM_IRQ_LINE_STATUS`.
    public static let irqLineStatus = Ioctl("KVM_IRQ_LINE_STATUS", .readWrite, 0x67, InterruptLevel.self)
    /// `KVM_SET_GSI_ROUTING`.
    public static let setGSIRouting = Ioctl("KVM_SET_GSI_ROUTING", .write, 0x6A, byteCount: 8)
    /// `KVM_SIGNAL_MSI`.
    public static let signalMSI = Ioctl("KVM_SIGNAL_MSI", .write, 0xA5, MSIMessage.self)

    /// The requests of this file.
    static let interrupts: [Ioctl] = [irqLine, irqLineStatus, setGSIRouting, signalMSI]
}
