// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioDevices
internal import VirtioModel
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// What `fuzzMMIORegisters` plays on: a device of each kind, kept from one input to the next.
final class RegisterArena {
    /// Accesses of one input that are played.
    private static let accessesMax = 2048
    private var machines: [any RegisterMachine] = []
    private var isPacked = false

    init() {
        do throws(GuestMemoryError) {
            machines = [
                try Machine(answeringQueue: 0) { EntropyDevice(queueSize: 16) },
                try Machine(answeringQueue: 0) {
                    BlockDevice(disk: MemoryDisk(sectors: 8), options: BlockOptions(queueSize: 16))
                },
                try Machine(answeringQueue: 3) {
                    ConsoleDevice(
                        ports: [
                            ConsolePort(isConsole: true, input: nil, output: nil), ConsolePort(input: nil, output: nil),
                        ],
                        size: ConsoleSize(columns: 80, rows: 25), queueSize: 16)
                },
            ]
        } catch {
            fuzzFinding("no memory: \(error)")
        }
    }

    func run(_ bytes: UnsafeRawBufferPointer) throws(GuestMemoryError) -> FuzzedRegisters {
        var result = FuzzedRegisters()
        var input = FuzzInput(bytes)
        isPacked = false
        var current = machines[0]
        try current.begin()
        while !input.isAtEnd, result.accesses < Self.accessesMax {
            let what = input.next() % 10
            let size = 1 << Int(input.next() % 4)
            let offset = UInt64(input.next(UInt16.self) % 0x204)
            let value = input.next(UInt32.self)
            let driver = current.driver
            let before = driver.status
            switch what {
            case 0: driver.transport.write(offset: offset, value: UInt64(value) << 32 | UInt64(value), size: size)
            case 1: _ = driver.transport.read(offset: offset, size: size)
            case 2: driver.status = [0: 1, 1: 3, 3: 0xb, 0xb: 0xf][before] ?? value
            case 3: try driver.setUpQueues(driver.offeredFeatures.with(packedRings: isPacked))
            case 4:
                isPacked = value & 1 != 0
                driver.accept(driver.offeredFeatures.with(packedRings: isPacked))
            case 5: try offer(driver, value, offset, &result)
            case 6: driver.status = 0
            case 7: current.restore(forgedAs: value, &result)
            case 8:
                driver.status = 0
                current = machines[Int(value % 3)]
                isPacked = false
                try current.begin()
            default: driver.resetQueue(Int(value % 8))
            }
            result.accesses += 1
            // A forged status may be a step back, and another device is another.
            let isSame = what != 7 && what != 8
            if let finding = current.driver.registerFinding(from: isSame ? before : current.driver.status) {
                fuzzFinding(finding)
            }
            if current.driver.status == 0xf { result.runs += 1 }
        }
        try end(current)
        return result
    }

    private func end(_ machine: any RegisterMachine) throws(GuestMemoryError) {
        let driver = machine.driver
        try driver.start(driver.offeredFeatures.with(packedRings: isPacked))
        if driver.status != 0xf { fuzzFinding("it does not start after all that: status \(driver.status)") }
        guard let ring = driver.ring(machine.answeringQueue) else { fuzzFinding("no queue") }
        _ = try ring.send(
            [try ring.buffer(of: [UInt8](repeating: 0, count: 64)), ring.buffer(room: 64)], isIndirect: false)
        driver.notify(machine.answeringQueue)
        if try ring.takeBack() == nil { fuzzFinding("it serves nothing after all that") }
    }

    private func offer(
        _ driver: MMIODriver, _ value: UInt32, _ offset: UInt64, _ result: inout FuzzedRegisters
    ) throws(GuestMemoryError) {
        let index = Int(value >> 16) % driver.transport.queueCount
        guard let ring = driver.ring(index) else { return }
        ring.resetHeap(to: GuestAddress(0x14_0000 - 0x1000 + 0x4_0000 * UInt64(index)))
        let flags = UInt16(truncatingIfNeeded: value)
        let room = ring.buffer(room: 513)
        if flags == 0x100 {
            _ = try ring.send([try ring.buffer(of: [UInt8](repeating: 0, count: 16)), room], isIndirect: false)
        } else if let queue = ring as? DriverQueue {
            try queue.setDescriptor(0, room.address, byteCount: 64, flags: flags)
            try queue.offer(UInt16(truncatingIfNeeded: offset & 31))
            try queue.publish()
        } else if let queue = ring as? PackedDriverQueue {
            try queue.setDescriptor(offset & 31, room.address, byteCount: 64, id: flags >> 8, flags: flags & 7)
        }
        driver.notify(index)
        for _ in 0..<Int(ring.size) {
            guard try ring.takeBack() != nil else { return }
            result.answers += 1
        }
    }
}

/// A device and its driver, of whatever kind.
private protocol RegisterMachine: AnyObject {
    var driver: MMIODriver { get }
    /// A queue that gives chains back at once.
    var answeringQueue: Int { get }
    /// Leaves nothing of what was before.
    func begin() throws(GuestMemoryError)
    /// Saves the device and has a fresh one go on, unless the state is refused.
    func restore(forgedAs value: UInt32, _ result: inout FuzzedRegisters)
}

private final class Machine<Device: SavableDevice>: RegisterMachine {
    private(set) var driver: MMIODriver
    let answeringQueue: Int
    private var device: Device
    private let make: () -> Device
    private var isRestored = false

    init(answeringQueue: Int, _ make: @escaping () -> Device) throws(GuestMemoryError) {
        self.answeringQueue = answeringQueue
        self.make = make
        device = make()
        driver = try MMIODriver(device, offersPackedRings: true)
    }

    func begin() throws(GuestMemoryError) {
        driver.status = 0
        if isRestored {
            isRestored = false
            device = make()
            driver = try MMIODriver(device, memory: driver.memory, offersPackedRings: true)
        }
        try driver.setUpQueues(driver.offeredFeatures.with(packedRings: false))
    }

    func restore(forgedAs value: UInt32, _ result: inout FuzzedRegisters) {
        let fresh = make()
        do {
            driver = try driver.move(from: device, to: fresh) { $0.forge(value) }
            device = fresh
            isRestored = true
            result.restores += 1
        } catch let error as MMIORestoreError<Device.StateError> {
            if value == 0 { fuzzFinding("its own state is refused: \(error)") }
            result.refusals += 1
            driver.transport.resume()
        } catch {
            fuzzFinding("a state is refused by an error of another kind: \(error)")
        }
    }
}
