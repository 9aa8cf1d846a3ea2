// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

/// A block device with a driver.
struct BlockRig {
    let device: BlockDevice
    let driver: MMIODriver
    var queue: DriverQueue

    init(_ disk: (any Disk)?, options: BlockOptions = BlockOptions(), features: VirtioFeatures? = nil) throws {
        device = BlockDevice(disk: disk, options: options)
        driver = try MMIODriver(device)
        try driver.start(features)
        queue = try #require(driver.queue(0))
    }

    static func header(_ type: UInt32, sector: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        withUnsafeBytes(of: type.littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: [0, 0, 0, 0])
        withUnsafeBytes(of: sector.littleEndian) { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// Takes the next chain back, after as many turns of the event loop as that needs; not more than ten seconds.
    func takeUsed() throws -> DriverQueue.Used? {
        for _ in 0..<1000 {
            if let used = try queue.takeUsed() { return used }
            guard driver.turn(milliseconds: 10) else { return nil }
        }
        return nil
    }

    /// What came back of a request.
    struct Answer: Equatable {
        var status: UInt8?
        var written: UInt32
        var data: [UInt8]
    }

    /// Sends one request: header, readable data, writable room and the status byte, each a descriptor of its own.
    func request(_ type: UInt32, sector: UInt64 = 0, data: [UInt8] = [], room: UInt32 = 0) throws -> Answer {
        var chain = [try queue.buffer(of: Self.header(type, sector: sector))]
        if !data.isEmpty { chain.append(try queue.buffer(of: data)) }
        if room > 0 { chain.append(queue.buffer(room: room)) }
        let status = try queue.buffer(of: [0xee])
        chain.append(DriverQueue.Buffer(status.address, 1, isWritable: true))
        let target = chain.dropLast().last
        try queue.send(chain)
        driver.notify(0)
        let used = try #require(try takeUsed())
        let value = try queue.bytes(of: status)[0]
        return Answer(
            status: value == 0xee ? nil : value, written: used.written,
            data: room > 0 ? try queue.bytes(of: target!) : [])
    }
}

extension MMIODriver {
    /// One turn of an event loop: waits for what is watched, and calls the handlers.
    /// - Returns: false if nothing is watched.
    @discardableResult
    func turn(milliseconds: Int32) -> Bool {
        let watched = events.sources.filter { !$0.value.isRemoved }
        var polled = watched.map { number, source in
            pollfd(fd: number, events: Int16(source.interest.contains(.write) ? POLLOUT : POLLIN), revents: 0)
        }
        guard !polled.isEmpty else { return false }
        poll(&polled, nfds_t(polled.count), milliseconds)
        for entry in polled where entry.revents != 0 {
            let borrowed = FileDescriptor(owning: entry.fd)
            events.fire(entry.events == Int16(POLLOUT) ? .write : .read, on: borrowed)
            _ = borrowed.release()
        }
        return true
    }
}
