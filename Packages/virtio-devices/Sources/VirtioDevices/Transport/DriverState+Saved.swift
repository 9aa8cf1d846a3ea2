// SPDX-License-Identifier: Apache-2.0
internal import VirtioModel
internal import VirtioQueue

extension DriverState {
    /// Checks and takes up what a driver had told another transport.
    init(
        restoring saved: MMIOState, offeredFeatures: VirtioFeatures, queueMaximumSizes: [UInt16]
    ) throws(MMIOStateError) {
        self.init(offeredFeatures: offeredFeatures, queueMaximumSizes: queueMaximumSizes)
        status = saved.status
        guard isStatusPossible else { throw .status(saved.status) }
        setDriverFeatures(saved.driverFeatures, hasUnknown: saved.hasUnknownFeatures)
        // Checked at FEATURES_OK; before that anything may be written, and nothing before DRIVER.
        let isUntouched = saved.driverFeatures.isEmpty && !saved.hasUnknownFeatures
        guard has(Status.featuresOK) ? areFeaturesAcceptable : has(Status.driver) || isUntouched else {
            throw .features(saved.driverFeatures)
        }
        guard saved.queues.count == queues.count else {
            throw .queueCount(saved: saved.queues.count, queues.count)
        }
        for (index, queue) in saved.queues.enumerated() {
            guard queue.maximumSize == queues[index].maximumSize,
                has(Status.featuresOK) || queue == queues[index]
            else { throw .queue(index: index) }
            queues[index] = queue
        }
        deviceFeaturesSelect = saved.selectors.deviceFeatures
        driverFeaturesSelect = saved.selectors.driverFeatures
        queueSelect = saved.selectors.queue
        // 1: a used buffer, 2: the configuration; both only of a device that was up (virtio 1.2, 4.2.2).
        guard saved.interruptStatus & ~3 == 0, saved.interruptStatus == 0 || isDriverOK else {
            throw .interruptStatus(saved.interruptStatus)
        }
    }

    /// Whether `writeStatus` and a device that keeps the rules can lead to it.
    private var isStatusPossible: Bool {
        let steps = [
            0, Status.acknowledge, Status.acknowledge | Status.driver,
            Status.acknowledge | Status.driver | Status.featuresOK,
            Status.acknowledge | Status.driver | Status.featuresOK | Status.driverOK,
        ]
        // A device that was not started has nothing to give up.
        return steps.contains(status & ~(Status.needsReset | Status.failed))
            && (status & Status.needsReset == 0 || isDriverOK)
    }

    var selectors: MMIOState.Selectors {
        MMIOState.Selectors(
            deviceFeatures: deviceFeaturesSelect, driverFeatures: driverFeaturesSelect, queue: queueSelect)
    }
}
