// SPDX-License-Identifier: Apache-2.0
internal import VirtioQueue

/// What a driver has told a transport so far, and the rules about what it may say when.
///
/// Pure: no lock, no device, no memory. Transports put the registers of their bus in front of it.
///
/// ```
///          1        3 = 1|2        0xb = 3|8             0xf = 0xb|4
/// reset ──► ACK ──► DRIVER ──────► FEATURES_OK ────────► DRIVER_OK
///   ▲               features        queue fields          running; queue fields and features frozen
///   │               writable        writable
///   │                                                     but for the fields of a queue that was reset (2.6.1)
///   └── a write of 0, from anywhere; FAILED (0x80) may be set at any time; NEEDS_RESET (0x40) is the device's own
/// ```
struct DriverState {
    /// What a status write asks of the transport.
    enum Transition: Equatable {
        case none
        /// The driver wrote 0: the device must let go of everything, then `finishReset` applies.
        case reset
        /// The driver set DRIVER_OK: the device starts.
        case activate
    }

    /// The status bits of virtio 1.2, 2.1.
    enum Status {
        static let acknowledge: UInt32 = 1
        static let driver: UInt32 = 2
        static let driverOK: UInt32 = 4
        static let featuresOK: UInt32 = 8
        static let needsReset: UInt32 = 0x40
        static let failed: UInt32 = 0x80
    }

    let offeredFeatures: VirtioFeatures
    var status: UInt32 = 0
    /// The fields of each queue, as the driver wrote them: unchecked until activation.
    var queues: [QueueConfiguration]
    var deviceFeaturesSelect: UInt32 = 0
    var driverFeaturesSelect: UInt32 = 0
    var queueSelect: UInt32 = 0
    /// Those that the device is letting go of. Their fields stay for a start that came before and is on its way; a driver
    /// reads them as after power-on.
    private var queuesInReset: Set<UInt32> = []
    private var driverFeaturePages: (UInt32, UInt32) = (0, 0)
    /// Whether the driver asked for a bit above 63: none is offered, so it can never be accepted.
    private(set) var hasUnknownFeatures = false

    init(offeredFeatures: VirtioFeatures, queueMaximumSizes: [UInt16]) {
        // Every device here is a modern one.
        self.offeredFeatures = offeredFeatures.union(.version1)
        queues = queueMaximumSizes.map { QueueConfiguration(maximumSize: $0) }
    }

    /// The features that the driver wrote so far.
    var driverFeatures: VirtioFeatures {
        VirtioFeatures(rawValue: UInt64(driverFeaturePages.1) << 32 | UInt64(driverFeaturePages.0))
    }

    func has(_ bits: UInt32) -> Bool { status & bits == bits }
    private var isBroken: Bool { status & (Status.failed | Status.needsReset) != 0 }

    /// Whether the device runs (or is being started).
    var isDriverOK: Bool { has(Status.driverOK) }

    /// Whether the device may be served: running, and neither side has given up.
    var isRunning: Bool { isDriverOK && !isBroken }

    /// Whether the configuration space may be written: virtio 1.2, 3.1.1 lets a driver at it from step 4 on.
    var acceptsConfigWrites: Bool { has(Status.driver) && !isBroken }

    // MARK: Features

    /// The offered bits of the selected page.
    var selectedDeviceFeatures: UInt32 {
        switch deviceFeaturesSelect {
        case 0: UInt32(truncatingIfNeeded: offeredFeatures.rawValue)
        case 1: UInt32(truncatingIfNeeded: offeredFeatures.rawValue >> 32)
        default: 0
        }
    }

    /// Takes the driver's bits of the selected page, between DRIVER and FEATURES_OK only (virtio 1.2, 3.1.1 steps 4, 5).
    mutating func writeDriverFeatures(_ value: UInt32) {
        guard has(Status.driver), !has(Status.featuresOK), !isBroken else { return }
        switch driverFeaturesSelect {
        case 0: driverFeaturePages.0 = value
        case 1: driverFeaturePages.1 = value
        default: if value != 0 { hasUnknownFeatures = true }
        }
    }

    /// All that a driver wrote, at once.
    mutating func setDriverFeatures(_ features: VirtioFeatures, hasUnknown: Bool) {
        driverFeaturePages = (
            UInt32(truncatingIfNeeded: features.rawValue), UInt32(truncatingIfNeeded: features.rawValue >> 32)
        )
        hasUnknownFeatures = hasUnknown
    }

    /// Virtio 1.2, 2.2.1: a driver must not accept what was not offered; 6.1: it must accept VERSION_1, and a device may
    /// fail without it.
    var areFeaturesAcceptable: Bool {
        driverFeatures.isSubset(of: offeredFeatures) && !hasUnknownFeatures && driverFeatures.contains(.version1)
    }

    // MARK: Status

    /// Applies a write of the status register.
    ///
    /// Bits are never cleared but by a reset (virtio 1.2, 2.1.1), and steps are taken one at a time in the order of 3.1.1;
    /// FEATURES_OK stays unset if the features are not acceptable (2.2.2). Any other write is ignored.
    mutating func writeStatus(_ value: UInt32) -> Transition {
        if value == 0 { return .reset }
        guard value & status == status else { return .none }
        switch value & ~status {
        case Status.failed:
            status |= Status.failed
        case Status.acknowledge where status == 0:
            status |= Status.acknowledge
        case Status.driver where status == Status.acknowledge:
            status |= Status.driver
        case Status.featuresOK where status == Status.acknowledge | Status.driver && areFeaturesAcceptable:
            status |= Status.featuresOK
        case Status.driverOK where status == Status.acknowledge | Status.driver | Status.featuresOK:
            status |= Status.driverOK
            return .activate
        default:
            break
        }
        return .none
    }

    /// The device gave up: only a reset helps (virtio 1.2, 2.1.2).
    /// - Returns: whether it had not given up before, and whether a running driver must be told by a configuration interrupt.
    mutating func markNeedsReset() -> (isNew: Bool, mustSignal: Bool) {
        guard status != 0 else { return (false, false) }
        let isNew = !has(Status.needsReset)
        status |= Status.needsReset
        return (isNew, isDriverOK)
    }

    /// Back to the state after power-on, once the device has let go.
    mutating func finishReset() {
        status = 0
        deviceFeaturesSelect = 0
        driverFeaturesSelect = 0
        queueSelect = 0
        driverFeaturePages = (0, 0)
        hasUnknownFeatures = false
        for index in queues.indices { queues[index].reset() }
        queuesInReset = []
    }

    // MARK: Queues

    /// The selected queue as the driver reads it, or nil if there is none of that number.
    var selectedQueue: QueueConfiguration? {
        selectedIndex.map {
            isSelectedQueueInReset ? QueueConfiguration(maximumSize: queues[$0].maximumSize) : queues[$0]
        }
    }

    /// A queue by its index, or nil if there is none of that number.
    func queue(_ index: UInt16) -> QueueConfiguration? {
        queues.indices.contains(Int(index)) ? queues[Int(index)] : nil
    }

    /// Whether the device is letting go of the selected queue.
    var isSelectedQueueInReset: Bool { queuesInReset.contains(queueSelect) }

    /// Whether the device is letting go of a queue.
    func isInReset(_ index: UInt16) -> Bool { queuesInReset.contains(UInt32(index)) }

    /// Changes the selected queue, between FEATURES_OK and DRIVER_OK only (virtio 1.2, 3.1.1 steps 5 to 8): what a running
    /// device uses is frozen, whatever the driver writes later. With VIRTIO_F_RING_RESET a queue that is not in use may be
    /// set up again (2.6.1).
    mutating func changeSelectedQueue(_ change: (inout QueueConfiguration) -> Void) {
        guard has(Status.featuresOK), !isBroken, let index = selectedIndex, !isSelectedQueueInReset else { return }
        guard !isDriverOK || hasQueueReset && !queues[index].isReady else { return }
        change(&queues[index])
    }

    /// Marks the selected queue ready.
    /// - Returns: its index if the device runs already, and must be told.
    mutating func enableSelectedQueue() -> UInt16? {
        let wasReady = selectedQueue?.isReady
        changeSelectedQueue { $0.isReady = true }
        guard isDriverOK, wasReady == false, selectedQueue?.isReady == true else { return nil }
        return UInt16(exactly: queueSelect)
    }

    /// Takes the selected queue from the driver: to that its fields are as after power-on at once, and stay so until
    /// `finishQueueReset`. Also of a device that has given up, which may still have I/O in flight.
    /// - Returns: its index; nil if there is nothing to reset.
    mutating func beginQueueReset() -> UInt16? {
        guard isDriverOK, hasQueueReset, selectedQueue?.isReady == true else { return nil }
        queuesInReset.insert(queueSelect)
        return UInt16(exactly: queueSelect)
    }

    /// The device has let go of the queue.
    mutating func finishQueueReset(_ index: UInt16) {
        guard queuesInReset.remove(UInt32(index)) != nil, queues.indices.contains(Int(index)) else { return }
        queues[Int(index)].reset()
    }

    private var hasQueueReset: Bool { driverFeatures.contains(.ringReset) }
    private var selectedIndex: Int? { Int(exactly: queueSelect).flatMap { queues.indices.contains($0) ? $0 : nil } }
}
