// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VirtioDevices
internal import VirtioModel

/// A command's streams as ports of a console, and the wait for its end.
///
/// The guest's init closes the two outputs, then reports how the command ended. The machine is stopped when all three
/// have come: by then every byte of the output has been written.
final class CommandSession {
    private(set) var device: ConsoleDevice?
    private let stop: StopSignal
    private let reports: FileDescriptor
    private var source: (any EventSource)?
    private var text: [UInt8] = []
    private var status: CommandStatus?
    private var openOutputs = 2

    /// A report is one short line; a guest that sends more is cut off.
    private static let reportCapacity = 4096

    init(_ streams: consuming CommandStreams, stop: StopSignal) throws(MachineError) {
        self.stop = stop
        let statusEnd: HostDescriptor
        do throws(Errno) {
            let pipe = try Pipe(isNonBlocking: true)
            statusEnd = try HostDescriptor(adopting: pipe.writeEnd, for: .output)
            reports = pipe.readEnd
        } catch {
            throw .host("make the pipe for the command's status", error)
        }
        let input = ConsolePort(name: "stdin", input: streams.input, output: nil)
        let output = outputPort("stdout", streams.output)
        let error = outputPort("stderr", streams.error)
        let reportPort = ConsolePort(name: "status", input: nil, output: statusEnd)
        device = ConsoleDevice(ports: [input, output, error, reportPort])
    }

    /// Starts to wait for the report.
    func attach(to events: any EventRegistry) throws(Errno) {
        source = try events.watch(reports, for: .read) { [weak self] _ in self?.readReport() }
    }

    private func outputPort(_ name: String, _ output: consuming HostDescriptor) -> ConsolePort {
        ConsolePort(name: name, input: nil, output: output) { [weak self, stop] event in
            switch event {
            case .guestClosed:
                self?.openOutputs &-= 1
                self?.endIfComplete()
            case .outputFailed(.brokenPipe):
                // Nobody reads any more: the end that a program in a pipeline has.
                stop.stop(.interrupted(signal: Signal.brokenPipe.rawValue))
            case .outputFailed(let error):
                stop.stop(.failed(.host("write the command's \(name)", error)))
            case .guestOpened, .inputEnded:
                break
            }
        }
    }

    private func readReport() {
        var chunk = [UInt8](repeating: 0, count: 256)
        var span = chunk.mutableSpan
        let count = (try? span.withUnsafeMutableBytes { (bytes) throws(Errno) in try reports.read(into: bytes) }) ?? 0
        guard count > 0, text.count < Self.reportCapacity else {
            source?.remove()
            source = nil
            return
        }
        text += chunk[..<count]
        guard status == nil, let end = text.firstIndex(of: UInt8(ascii: "\n")) else { return }
        let line = String(decoding: text[..<end], as: UTF8.self)
        status = CommandStatus(line: line) ?? .failed("its report makes no sense")
        if case .failed = status { openOutputs = 0 }
        endIfComplete()
    }

    private func endIfComplete() {
        guard let status, openOutputs <= 0 else { return }
        stop.stop(.commandEnded(status))
    }
}
