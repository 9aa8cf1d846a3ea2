// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VMSuperIO
internal import VirtioDevices
internal import VirtioModel

/// Connects the serial port to the host's descriptors, on the device thread.
///
/// A descriptor is watched only while there is something to do with it. Muting would not be enough: a hang-up is
/// reported all the same, again and again, and the thread would spin for as long as the guest leaves its input unread.
final class SerialLine {
    private let serial: Serial
    private let console: SerialConsole
    private let stop: StopSignal
    private var events: (any EventRegistry)?
    private let input: HostDescriptor?
    private let output: HostDescriptor?
    private var inputSource: (any EventSource)?
    private var outputSource: (any EventSource)?
    private var consoleSources: [any EventSource] = []
    private var pendingOutput: [UInt8] = []
    private var pendingInput: [UInt8] = []
    private var inputEnded = false

    init(
        serial: Serial, console: SerialConsole, stop: StopSignal, input: consuming HostDescriptor?,
        output: consuming HostDescriptor?
    ) {
        self.serial = serial
        self.console = console
        self.stop = stop
        self.input = input
        self.output = output
    }

    /// Starts to carry bytes both ways.
    func attach(to events: any EventRegistry) throws(Errno) {
        consoleSources.append(
            try events.watch(console.wakeDescriptor, for: .read) { [weak self] _ in self?.write() })
        consoleSources.append(
            try events.watch(console.roomDescriptor, for: .read) { [weak self] _ in self?.resumeInput() })
        self.events = events
        switch input {
        case .some: try watchInput()
        case .none: break
        }
    }

    /// Writes what is left, waiting where the other side is slow. For the end of the machine,
    /// when the signals that end the process are no longer held back.
    func flush() {
        pendingOutput += console.take()
        switch output {
        case .some(let output):
            while !pendingOutput.isEmpty {
                if writeOnce(output.descriptor) { continue }
                waitUntilWritable(output.descriptor)
            }
        case .none: break
        }
    }

    /// Writes one bufferful, so that a guest that says as much as the host takes leaves the thread to others in between.
    private func write() {
        console.acknowledgeOutput()
        if pendingOutput.isEmpty { pendingOutput = console.take() }
        switch output {
        case .some(let output):
            while !pendingOutput.isEmpty {
                if !writeOnce(output.descriptor) {
                    watchOutput(output.descriptor)
                    return
                }
            }
        case .none: break
        }
        console.announceOutput()
    }

    private func watchOutput(_ descriptor: borrowing FileDescriptor) {
        guard outputSource == nil else { return }
        // Only what can be waited for ever answers that it takes nothing now.
        outputSource = try? events?.watch(descriptor, for: .write) { [weak self] _ in
            self?.outputSource?.remove()
            self?.outputSource = nil
            self?.write()
        }
    }

    /// - Returns: false if the descriptor takes nothing now. Whatever else goes wrong takes everything, into nowhere.
    private func writeOnce(_ descriptor: borrowing FileDescriptor) -> Bool {
        do throws(Errno) {
            let count = try pendingOutput.span.withUnsafeBytes { (bytes) throws(Errno) in
                try descriptor.write(from: bytes)
            }
            pendingOutput.removeFirst(count)
        } catch .wouldBlock {
            return false
        } catch {
            pendingOutput.removeAll()
            // Nobody reads any more: the end that a program in a pipeline has.
            if error == .brokenPipe { stop.stop(.interrupted(signal: Signal.brokenPipe.rawValue)) }
        }
        return true
    }

    private func read() {
        while pendingInput.isEmpty, !inputEnded, let bytes = readOnce() {
            if bytes.isEmpty {
                inputEnded = true
                stopWatchingInput()
            }
            pendingInput = bytes
            offer()
            // What can be waited for is read once for each event; a file is read for as long as the guest takes it.
            if inputSource != nil { return }
        }
    }

    /// A regular file cannot be waited for: it is always ready, and is read at once.
    private func watchInput() throws(Errno) {
        guard inputSource == nil, !inputEnded, let events else { return }
        switch input {
        case .some(let input):
            do throws(Errno) {
                inputSource = try events.watch(input.descriptor, for: .read) { [weak self] _ in self?.read() }
            } catch .notPermitted {
                read()
            }
        case .none: break
        }
    }

    private func stopWatchingInput() {
        inputSource?.remove()
        inputSource = nil
    }

    /// - Returns: nil if there is nothing now, no bytes at the end.
    private func readOnce() -> [UInt8]? {
        switch input {
        case .some(let input):
            var chunk = [UInt8](repeating: 0, count: 64)
            do throws(Errno) {
                var span = chunk.mutableSpan
                let count = try span.withUnsafeMutableBytes { (bytes) throws(Errno) in
                    try input.descriptor.read(into: bytes)
                }
                return Array(chunk[..<count])
            } catch .wouldBlock {
                return nil
            } catch {
                return []
            }
        case .none: return []
        }
    }

    /// The guest's receiver has room again.
    private func resumeInput() {
        console.acknowledgeRoom()
        offer()
        if pendingInput.isEmpty { try? watchInput() }
    }

    private func offer() {
        if pendingInput.isEmpty { return }
        let taken = pendingInput.withUnsafeBytes { serial.receive($0) }
        pendingInput.removeFirst(taken)
        if !pendingInput.isEmpty { stopWatchingInput() }
    }
}
