// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
public import VirtioModel
internal import VirtioQueue

/// Standing still, saving, and going on elsewhere: all on the device's thread, with the vCPUs stopped.
///
/// ```swift
/// transport.pause()
/// let saved = transport.save(device)                     // then guest memory is saved
/// // elsewhere, with the memory as it was, a device made and a transport put in front of it as before
/// try transport.restore(saved, into: device)
/// transport.resume()
/// ```
/// What vCPUs did before they stopped may still be on its way to the device. Hand these calls to its executor: then that is done
/// before.
extension MMIOTransport {
    /// Has the device leave guest memory and the interrupt alone until `resume()`. What it has in flight is finished before.
    public func pause() { deviceSide.value.pause() }

    /// Goes on, with what came meanwhile.
    public func resume() {
        for index in deviceSide.value.resume() { serve(index) }
        // An edge may have been lost with the machine that was saved; one too many does no harm.
        if link.interruptStatus.load(ordering: .sequentiallyConsistent) != 0 { link.retrigger() }
    }

    /// What to save of the registers and the device. Nothing changes: `resume()` goes on.
    /// - Parameter device: the transport's own.
    public func save<Device: SavableDevice>(_ device: Device) -> SavedMMIODevice<Device.State> {
        let registers = link.state.withLock { state in
            MMIOState(
                deviceID: DeviceID(rawValue: deviceID), status: state.driver.status,
                driverFeatures: state.driver.driverFeatures, hasUnknownFeatures: state.driver.hasUnknownFeatures,
                selectors: state.driver.selectors, queues: state.driver.queues, configuration: state.configuration,
                configurationGeneration: state.configurationGeneration,
                interruptStatus: link.interruptStatus.load(ordering: .sequentiallyConsistent))
        }
        return SavedMMIODevice(registers: registers, device: device.save())
    }

    /// Takes up what was saved, in front of a device that was made as the saved one. It is paused until `resume()`.
    ///
    /// After an error the transport is as after a reset, and guest memory is to be thrown away.
    /// - Parameters:
    ///   - saved: what `save` gave; it is checked, as whoever kept it may have changed it.
    ///   - device: the transport's own.
    public func restore<Device: SavableDevice>(
        _ saved: SavedMMIODevice<Device.State>, into device: Device
    ) throws(MMIORestoreError<Device.StateError>) {
        let side = deviceSide.value
        guard side.device === device else { throw .registers(.otherDevice) }
        let driver: DriverState
        do throws(MMIOStateError) { driver = try check(saved) } catch { throw .registers(error) }
        do throws(Device.StateError) {
            try device.restore(
                saved.device, memory: side.memory, features: driver.driverFeatures, interrupt: link)
        } catch {
            side.reset()
            throw .device(error)
        }
        let isSameSpace = link.state.withLock { state in
            // The device has published what is not as at first.
            guard state.configuration == saved.registers.configuration else { return false }
            state.driver = driver
            state.configurationGeneration = saved.registers.configurationGeneration
            link.interruptStatus.store(saved.registers.interruptStatus, ordering: .sequentiallyConsistent)
            return true
        }
        guard isSameSpace else {
            side.reset()
            throw .registers(.configuration)
        }
        side.restored(saved.device.queues)
    }

    /// Everything that can be known without the device.
    private func check<State>(_ saved: SavedMMIODevice<State>) throws(MMIOStateError) -> DriverState {
        let registers = saved.registers
        guard registers.deviceID.rawValue == deviceID else { throw .deviceID(saved: registers.deviceID) }
        let now = link.state.withLock { state in
            (
                isIdle: state.driver.status == 0 && state.resetsUnderWay == 0, features: state.driver.offeredFeatures,
                sizes: state.driver.queues.map(\.maximumSize), configurationByteCount: state.configuration.count
            )
        }
        guard now.isIdle, !deviceSide.value.isActive else { throw .notIdle }
        let driver = try DriverState(
            restoring: registers, offeredFeatures: now.features, queueMaximumSizes: now.sizes)
        guard registers.configuration.count == now.configurationByteCount else { throw .configuration }
        guard let queues = saved.device.queues else { return driver }
        // A device without a driver that is up has no queues; one that is up has those of the registers.
        guard driver.isDriverOK, queues.count <= driver.queues.count else { throw .activity(queue: nil) }
        for (index, queue) in queues.enumerated() where queue.map({ $0.configuration != driver.queues[index] }) == true
        {
            throw .activity(queue: index)
        }
        return driver
    }
}
