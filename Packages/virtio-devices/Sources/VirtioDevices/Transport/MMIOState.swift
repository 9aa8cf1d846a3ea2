// SPDX-License-Identifier: Apache-2.0
public import VirtioModel
public import VirtioQueue

/// A transport's registers as they are saved: plain numbers, for any encoding. They may come from a file that somebody wrote
/// by hand; `MMIOTransport.restore` checks them.
public struct MMIOState: Equatable, Sendable {
    /// The kind of the device.
    public var deviceID: DeviceID
    /// The status register.
    public var status: UInt32
    /// The features that the driver wrote.
    public var driverFeatures: VirtioFeatures
    /// Whether the driver wrote features above bit 63, of which none is ever offered.
    public var hasUnknownFeatures: Bool
    /// DeviceFeaturesSel, DriverFeaturesSel and QueueSel.
    public var selectors: Selectors
    /// The fields of each queue, as the driver wrote them.
    public var queues: [QueueConfiguration]
    /// The device's configuration space.
    public var configuration: [UInt8]
    /// How often that had changed.
    public var configurationGeneration: UInt32
    /// The interrupts that the driver had not acknowledged.
    public var interruptStatus: UInt32

    /// The registers that say what others show; any value is allowed.
    public struct Selectors: Equatable, Sendable {
        /// DeviceFeaturesSel.
        public var deviceFeatures: UInt32
        /// DriverFeaturesSel.
        public var driverFeatures: UInt32
        /// QueueSel.
        public var queue: UInt32

        /// Gathers saved values.
        public init(deviceFeatures: UInt32 = 0, driverFeatures: UInt32 = 0, queue: UInt32 = 0) {
            self.deviceFeatures = deviceFeatures
            self.driverFeatures = driverFeatures
            self.queue = queue
        }
    }

    /// Gathers saved values; those that are left out are as after a reset.
    public init(
        deviceID: DeviceID, status: UInt32 = 0, driverFeatures: VirtioFeatures = [], hasUnknownFeatures: Bool = false,
        selectors: Selectors = Selectors(), queues: [QueueConfiguration], configuration: [UInt8],
        configurationGeneration: UInt32 = 0, interruptStatus: UInt32 = 0
    ) {
        self.deviceID = deviceID
        self.status = status
        self.driverFeatures = driverFeatures
        self.hasUnknownFeatures = hasUnknownFeatures
        self.selectors = selectors
        self.queues = queues
        self.configuration = configuration
        self.configurationGeneration = configurationGeneration
        self.interruptStatus = interruptStatus
    }
}

/// A device and its registers, saved at one time.
public struct SavedMMIODevice<DeviceState: SavedDeviceState>: Equatable, Sendable {
    /// The registers.
    public var registers: MMIOState
    /// The device.
    public var device: DeviceState

    /// Gathers both.
    public init(registers: MMIOState, device: DeviceState) {
        self.registers = registers
        self.device = device
    }
}

/// Why a device and its registers are not restored.
public enum MMIORestoreError<DeviceError: Error & Equatable & Sendable>: Error, Equatable, Sendable {
    /// The registers contradict themselves, the device or what it offers.
    case registers(MMIOStateError)
    /// The device refused its part.
    case device(DeviceError)
}

/// What is wrong with saved registers.
public enum MMIOStateError: Error, Equatable, Sendable {
    /// The device is not this transport's.
    case otherDevice
    /// A driver has written to the transport since it was made or reset.
    case notIdle
    /// They are of another kind of device.
    case deviceID(saved: DeviceID)
    /// No sequence of writes gives such a status.
    case status(UInt32)
    /// The driver cannot have accepted these features of this device, or not at this status.
    case features(VirtioFeatures)
    /// The device has another number of queues.
    case queueCount(saved: Int, Int)
    /// The queue has another maximum size, or the driver cannot have set it up at this status.
    case queue(index: Int)
    /// The device does not run at this status, or runs with a queue that is not the registers'.
    case activity(queue: Int?)
    /// The device has another configuration space.
    case configuration
    /// An interrupt that does not exist, or one before the driver was up.
    case interruptStatus(UInt32)
}

extension MMIOStateError: CustomStringConvertible {
    /// One line.
    public var description: String {
        switch self {
        case .otherDevice: "the device belongs to another transport"
        case .notIdle: "a driver uses the device"
        case .deviceID(let saved): "saved of a device of kind \(saved)"
        case .status(let status): "no driver gets to the saved status \(status)"
        case .features(let features): "the saved features \(features) cannot have been accepted"
        case .queueCount(let saved, let count): "saved with \(saved) queues, and the device has \(count)"
        case .queue(let index): "queue \(index) cannot have been set up as it was saved"
        case .activity(nil): "the saved status and what the device says of itself do not fit together"
        case .activity(let index?): "the device's saved queue \(index) is not that of the registers"
        case .configuration: "the saved configuration space is not the device's"
        case .interruptStatus(let bits): "the interrupts \(bits) cannot be pending"
        }
    }
}

extension MMIORestoreError: CustomStringConvertible {
    /// One line.
    public var description: String {
        switch self {
        case .registers(let error): "virtio-mmio: \(error)"
        case .device(let error): "\(error)"
        }
    }
}
