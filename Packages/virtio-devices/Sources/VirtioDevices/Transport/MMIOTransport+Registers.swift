// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
internal import VirtioModel
internal import VirtioQueue

/// The meaning of each register (virtio 1.2, 4.2.2).
extension MMIOTransport {
    func readRegister(_ register: MMIORegister) -> UInt32 {
        switch register {
        case .magicValue: return MMIORegister.magic
        case .version: return 2
        case .deviceID: return deviceID
        case .vendorID: return 0
        case .interruptStatus: return link.interruptStatus.load(ordering: .sequentiallyConsistent)
        // 4.2.2.1: "If a region does not exist, reading from SHMLen yields all ones", and its base likewise.
        case .sharedMemoryLengthLow, .sharedMemoryLengthHigh, .sharedMemoryBaseLow, .sharedMemoryBaseHigh:
            return .max
        case .deviceFeatures: return link.state.withLock { $0.driver.selectedDeviceFeatures }
        // 4.2.2.1: 0 if the queue is not available.
        case .queueSizeMax: return link.state.withLock { UInt32($0.driver.selectedQueue?.maximumSize ?? 0) }
        case .queueReady: return link.state.withLock { $0.driver.selectedQueue?.isReady == true ? 1 : 0 }
        // 4.2.2.1: 1 as long as the reset of the queue is ongoing.
        case .queueReset: return link.state.withLock { $0.driver.isSelectedQueueInReset ? 1 : 0 }
        case .status: return link.state.withLock { $0.driver.status }
        case .configGeneration: return link.state.withLock { $0.configurationGeneration }
        // Write-only.
        case .deviceFeaturesSelect, .driverFeatures, .driverFeaturesSelect, .queueSelect, .queueSize, .queueNotify,
            .interruptACK, .queueDescriptorLow, .queueDescriptorHigh, .queueDriverLow, .queueDriverHigh,
            .queueDeviceLow, .queueDeviceHigh, .sharedMemorySelect:
            return 0
        }
    }

    func writeRegister(_ register: MMIORegister, _ value: UInt32) {
        switch register {
        case .status: writeStatus(value)
        case .queueNotify: notify(value)
        case .interruptACK: acknowledge(value)
        case .deviceFeaturesSelect: change { $0.deviceFeaturesSelect = value }
        case .driverFeaturesSelect: change { $0.driverFeaturesSelect = value }
        case .driverFeatures: change { $0.writeDriverFeatures(value) }
        case .queueSelect: change { $0.queueSelect = value }
        // A size that does not fit becomes 0, which activation refuses; the old value would give rings of a size
        // that the driver did not choose.
        case .queueSize: changeQueue { $0.size = UInt16(exactly: value) ?? 0 }
        case .queueReady: if value == 1 { enableQueue() } else { changeQueue { $0.isReady = false } }
        case .queueReset: if value == 1 { resetQueue() }
        case .queueDescriptorLow: changeQueue { $0.setLow(value, of: .descriptorTable) }
        case .queueDescriptorHigh: changeQueue { $0.setHigh(value, of: .descriptorTable) }
        case .queueDriverLow: changeQueue { $0.setLow(value, of: .availableRing) }
        case .queueDriverHigh: changeQueue { $0.setHigh(value, of: .availableRing) }
        case .queueDeviceLow: changeQueue { $0.setLow(value, of: .usedRing) }
        case .queueDeviceHigh: changeQueue { $0.setHigh(value, of: .usedRing) }
        // No shared memory region exists, whichever is selected; the rest is read-only.
        case .sharedMemorySelect, .magicValue, .version, .deviceID, .vendorID, .deviceFeatures, .queueSizeMax,
            .interruptStatus, .configGeneration, .sharedMemoryLengthLow, .sharedMemoryLengthHigh,
            .sharedMemoryBaseLow, .sharedMemoryBaseHigh:
            break
        }
    }

    private func change(_ body: (inout DriverState) -> Void) {
        link.state.withLock { state in
            if state.resetsUnderWay == 0 { body(&state.driver) }
        }
    }

    private func changeQueue(_ body: (inout QueueConfiguration) -> Void) {
        change { $0.changeSelectedQueue(body) }
    }

    /// 4.2.2: bits are acknowledged by a driver that handles interrupts, so only after DRIVER_OK.
    private func acknowledge(_ bits: UInt32) {
        let isUp = link.state.withLock { $0.driver.isDriverOK && $0.resetsUnderWay == 0 }
        if isUp { link.interruptStatus.bitwiseAnd(~bits, ordering: .sequentiallyConsistent) }
    }

    private func writeStatus(_ value: UInt32) {
        let (transition, epoch) = link.state.withLock { state -> (DriverState.Transition, UInt64?) in
            if value == 0 { return (state.driver.status == 0 && state.resetsUnderWay == 0 ? .none : .reset, nil) }
            guard state.resetsUnderWay == 0 else { return (.none, nil) }
            let transition = state.driver.writeStatus(value)
            guard transition == .activate else { return (transition, nil) }
            return (transition, state.epoch)
        }
        switch transition {
        case .none: break
        case .reset: resetDevice()
        case .activate: if let epoch { activate(epoch) }
        }
    }
}
