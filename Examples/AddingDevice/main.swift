// SPDX-License-Identifier: Apache-2.0
// A virtio device of one's own, and a driver that tries it out: no virtual machine is needed. The driver sends two numbers
// of 64 bits, the device answers with their sum.
import Glibc
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

final class AddingDevice: VirtioDevice {
    private var queue: Queue?
    private var interrupt: (any Interrupt)?
    private let chain = ChainBuffers()  // holds one request at a time; no request allocates

    let deviceID = DeviceID(rawValue: 0x2A)  // no number of the specification's
    let queueMaximumSizes: [UInt16] = [64]
    let offeredFeatures = VirtioFeatures.implementedByQueue
    let initialConfiguration: [UInt8] = []

    func attach(to host: DeviceHost) {}

    func activate(_ activation: Activation) throws(ActivationError) {
        queue = try activation.queue(0)
        queue?.malformedChainPolicy = .returnHead  // a malformed request fails alone
        interrupt = activation.interrupt
    }

    func reset() { (queue, interrupt) = (nil, nil) }

    func queueNotified(_ index: UInt16) -> QueueService {
        guard index == 0, let queue, let interrupt else { return .drained }
        var outcome = ServeOutcome.drained
        do throws(QueueError) {
            // At most 16 requests, so that others on this thread get their turn.
            outcome = try queue.serve(into: chain, limit: 16) { chain in
                var (reader, writer) = (chain.reader, chain.writer)
                // The guest decides how long a request is and what is in it: no sum traps, and half a number is none.
                if let left = reader.read(UInt64.self), let right = reader.read(UInt64.self) {
                    _ = writer.write(left &+ right)
                }
                return .used(written: UInt32(clamping: writer.position))
            }
        } catch {
            interrupt.needsReset(.queue(index: 0, error))  // the ring itself is broken
        }
        if queue.shouldSignalDriver() { interrupt.signalQueue(0) }
        return outcome == .limitReached ? .again : .drained
    }
}

let driver = try MMIODriver(AddingDevice())  // the registers of virtio-mmio, and the driver's side of them
try driver.start()
guard let queue = driver.queue(0) else { exit(1) }

let numbers = try queue.buffer(of: [40, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0])
let sum = queue.buffer(room: 8)
try queue.send([numbers, sum])
driver.notify(0)
print(try queue.takeUsed()?.written ?? 0, "bytes:", try queue.bytes(of: sum))

let half = try queue.buffer(of: [40, 0, 0])
try queue.send([half, queue.buffer(room: 8)])
driver.notify(0)
print(try queue.takeUsed()?.written ?? 0, "bytes for half a number; the device still works: status", driver.status)
