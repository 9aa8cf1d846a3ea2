// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
public import VMMemory
public import VirtioModel
internal import VirtioQueue

/// A virtio device behind a register page in memory: virtio-mmio, version 2 (virtio 1.2, 4.2).
///
/// `read` and `write` are for vCPU threads, any number at once. They answer from the transport's own copies and never
/// enter the device; what concerns the device (start, reset, configuration writes, trapped notifications) goes to its
/// thread through the executor. Only a reset, of the device or of a queue, waits for the device, since the driver may
/// reuse its memory once it is done.
public final class MMIOTransport: Sendable {
    /// How many bytes of guest-physical space the registers take.
    public static let pageByteCount: UInt64 = 0x1000
    /// Where in the page a driver writes the index of a queue, 4 bytes wide, to ring its doorbell. An eventfd can be
    /// registered here for each value below `queueCount` (KVM_IOEVENTFD with datamatch); its handler calls `serveQueue`.
    public static let notifyOffset: UInt64 = 0x50

    /// How many queues the device has.
    public let queueCount: Int

    let link: TransportLink
    let deviceSide: Confined<DeviceSide>
    let executor: any DeviceExecutor
    let deviceID: UInt32

    /// Puts registers in front of a device and attaches it. Call it on the device's thread, or before that starts.
    /// - Parameters:
    ///   - device: not attached yet; from now on only the transport calls it.
    ///   - memory: the guest's, in which the queues lie.
    ///   - executor: the device's thread.
    ///   - events: that thread's event loop.
    ///   - trigger: the interrupt line.
    ///   - offersPackedRings: whether the driver may choose packed rings (VIRTIO_F_RING_PACKED, virtio 1.2, 2.8), for any
    ///     device: a `Queue` hides its format. A driver that knows them takes them when they are offered.
    ///   - onFault: told why the device waits for a reset, once until that comes. Mostly on the device's thread, and any
    ///     may be; a guest can have it called as often as it likes.
    public init(
        device: any VirtioDevice, memory: GuestMemory, executor: any DeviceExecutor, events: any EventRegistry,
        trigger: any InterruptTrigger, offersPackedRings: Bool = false,
        onFault: @escaping @Sendable (DeviceFault) -> Void = { _ in }
    ) {
        let sizes = device.queueMaximumSizes
        // attach may complete what is offered, so the link, which attach needs, is made with the features of before
        // and gets those of after.
        let link = TransportLink(
            driver: DriverState(offeredFeatures: [], queueMaximumSizes: sizes), configuration: [], trigger: trigger,
            onFault: onFault)
        link.start(configuration: device.initialConfiguration)
        device.attach(to: DeviceHost(configuration: link, events: events, executor: executor))
        let offered = device.offeredFeatures.union(offersPackedRings ? .packedRing : [])
            .union(device is any QueueResettableDevice ? .ringReset : [])
        link.state.withLock {
            $0.driver = DriverState(offeredFeatures: offered, queueMaximumSizes: sizes)
        }
        queueCount = sizes.count
        deviceID = device.deviceID.rawValue
        self.link = link
        self.executor = executor
        deviceSide = Confined(DeviceSide(device: device, memory: memory, link: link))
    }

    /// Reads at an offset in the page.
    /// - Parameters:
    ///   - offset: in bytes from the page's start.
    ///   - size: 1, 2, 4 or 8 bytes; registers know only 4, the configuration space any.
    /// - Returns: the bytes as a little-endian number; 0 where nothing is, or where the width is not allowed.
    public func read(offset: UInt64, size: Int) -> UInt64 {
        var value: UInt64 = 0
        guard size > 0, size <= 8 else { return 0 }
        withUnsafeMutableBytes(of: &value) { bytes in
            read(offset: offset, into: UnsafeMutableRawBufferPointer(rebasing: bytes[0..<size]))
        }
        return UInt64(littleEndian: value)
    }

    /// Writes at an offset in the page. What no rule allows is lost without a trace, as the hardware would do.
    /// - Parameters:
    ///   - offset: in bytes from the page's start.
    ///   - value: what the guest wrote.
    ///   - size: 1, 2, 4 or 8 bytes, of which `value` is the little-endian number.
    public func write(offset: UInt64, value: UInt64, size: Int) {
        guard size > 0, size <= 8 else { return }
        withUnsafeBytes(of: value.littleEndian) { bytes in
            write(offset: offset, from: UnsafeRawBufferPointer(rebasing: bytes[0..<size]))
        }
    }

    /// Reads at an offset in the page; `buffer` is filled, with zeros where nothing is.
    public func read(offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) {
        for index in 0..<buffer.count { buffer.storeBytes(of: 0, toByteOffset: index, as: UInt8.self) }
        switch MMIOAccess(offset: offset, byteCount: buffer.count) {
        case .register(let register):
            buffer.storeBytes(of: readRegister(register).littleEndian, as: UInt32.self)
        case .config(let start):
            link.state.withLock { state in
                guard start < state.configuration.count else { return }
                let bytes = state.configuration[start...].prefix(buffer.count)
                UnsafeMutableRawBufferPointer(rebasing: buffer[0..<bytes.count]).copyBytes(from: bytes)
            }
        case .none:
            break
        }
    }

    /// Writes at an offset in the page.
    public func write(offset: UInt64, from buffer: UnsafeRawBufferPointer) {
        switch MMIOAccess(offset: offset, byteCount: buffer.count) {
        case .register(let register):
            writeRegister(register, UInt32(littleEndian: buffer.loadUnaligned(as: UInt32.self)))
        case .config(let start):
            writeConfiguration(buffer, at: start)
        case .none:
            break
        }
    }

    /// Serves a queue whose doorbell rang. To be called on the device's thread, by the handler of the queue's eventfd.
    /// A device that is not running ignores it; one that wants to go on later is called again through the executor.
    public func serveQueue(_ index: UInt16) { serve(index) }

    /// Takes everything from the device, as a driver's reset does, and waits until it let go; for the end of a machine.
    public func shutDown() { resetDevice() }
}
