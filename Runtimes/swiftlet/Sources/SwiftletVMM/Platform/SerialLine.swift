// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VMSuperIO
internal import VirtioDevices
internal import VirtioModel

/// Connects the serial port to the host's descriptors, on the device thread.
final class SerialLine {
    private let serial: Serial
    private let console: SerialConsole
    private let input: HostDescriptor?
    private let output: HostDescriptor?
    private var inputSource: (any EventSource)?
    private var outputSource: (any EventSource)?
    private var consoleSources: [any EventSource] = []
    private var pendingOutput: [UInt8] = []
    private var pendingInput: [UInt8] = []
    private var inputEnded = false

    init(serial: Serial, console: SerialConsole, input: consuming HostDescriptor?, output: consuming HostDescriptor?) {
        self.serial = serial
        self.console = console
        self.input = input
        self.output = output
    }

    /// Starts to carry bytes both ways.
    func attach(to events: any EventRegistry) throws(Errno) {
        consoleSources.append(
            try events.watch(console.wakeDescriptor, for: .read) { [weak self] _ in self?.write() })
        consoleSources.append(
            try events.watch(console.roomDescriptor, for: .read) { [weak self] _ in self?.resumeInput() })
        // A regular file cannot be waited for: it is always ready, and its error means just that.
        switch output {
        case .some(let output):
            outputSource = try? events.watch(output.descriptor, for: []) { [weak self] _ in self?.write() }
        case .none: break
        }
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

    private func write() {
        if pendingOutput.isEmpty { pendingOutput = console.take() }
        switch output {
        case .some(let output):
            while !pendingOutput.isEmpty {
                if !writeOnce(output.descriptor) {
                    try? outputSource?.setInterest(.write)
                    return
                }
                if pendingOutput.isEmpty { pendingOutput = console.take() }
            }
        case .none: break
        }
        try? outputSource?.setInterest([])
    }

    /// - Returns: false if the descriptor takes nothing now. A reader that is gone takes everything, into nowhere.
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
        }
        return true
    }

    private func read() {
        while pendingInput.isEmpty, !inputEnded, let bytes = readOnce() {
            if bytes.isEmpty {
                inputEnded = true
                inputSource?.remove()
                inputSource = nil
            }
            pendingInput = bytes
            offer()
            // What can be waited for is read once for each event; a file is read for as long as the guest takes it.
            if inputSource != nil { return }
        }
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
        if pendingInput.isEmpty {
            if let inputSource { try? inputSource.setInterest(.read) } else { read() }
        }
    }

    private func offer() {
        if pendingInput.isEmpty { return }
        let taken = pendingInput.withUnsafeBytes { serial.receive($0) }
        pendingInput.removeFirst(taken)
        if !pendingInput.isEmpty { try? inputSource?.setInterest([]) }
    }
}
