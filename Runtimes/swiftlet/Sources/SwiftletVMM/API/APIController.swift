// SPDX-License-Identifier: Apache-2.0
internal import EventManager
public import VMMSysUtil

/// Carries out what clients of the API ask for, on the thread that owns the machine: before it starts, and while it runs.
public final class APIController {
    let settings: VMSettings
    let queue: CommandQueue
    private let info: InstanceInfo
    private var isRunning = false
    private var isStartWanted = false

    /// - Parameters:
    ///   - settings: what a configuration file said already.
    ///   - info: what the API's thread tells by itself.
    public init(_ settings: VMSettings, info: InstanceInfo) throws(Errno) {
        self.settings = settings
        self.info = info
        queue = try CommandQueue()
    }

    /// Serves commands until one of them started the machine.
    ///
    /// - Parameter start: makes the machine; what it throws is the client's answer, and the wait goes on.
    /// - Returns: the machine, or what ended the wait.
    public func waitForMachine(_ start: () throws(ConfigError) -> Machine) throws(Errno) -> Result {
        let signals = try EndingSignals.open()
        var machine: Machine?
        while machine == nil {
            try waitUntilReadable(queue.event.descriptor, signals.descriptor)
            if let arrival = try signals.read() { return .ended(.interrupted(signal: arrival.signal.rawValue)) }
            queue.serve { command in
                guard case .start = command else { return answer(command) }
                do throws(ConfigError) { machine = try start() } catch { return .fault("\(error)") }
                started()
                return .done
            }
        }
        return machine.map { .machine($0) } ?? .ended(.poweredOff)
    }

    /// Carries out commands of a machine that never starts, until a descriptor is readable: for tests without KVM.
    package func serveUntilReadable(_ descriptor: borrowing FileDescriptor) {
        while (try? descriptor.isReadable(orWaitingFor: queue.event.descriptor)) == false { queue.serve(answer) }
    }

    /// How a wait for the start went.
    public enum Result {
        /// It is made and can run.
        case machine(Machine)
        /// There will be none.
        case ended(StopCause)
    }

    /// The machine was made.
    public func started() {
        isRunning = true
        info.start()
    }

    /// The machine has ended: no request will be carried out any more.
    public func close() { queue.close() }

    /// Carries out what was asked meanwhile.
    func serve(_ machine: Machine) {
        queue.serve { command in
            guard case .sendCtrlAltDel = command else { return answer(command) }
            return machine.sendCtrlAltDel() ? .done : .fault("\(ConfigError.keyboardUnread)")
        }
    }

    /// Answers a request on this thread, as the API's thread and this one do together.
    package func respond(to request: HTTPRequest) -> HTTPResponse {
        do throws(ConfigError) {
            switch try Routes.target(of: request, info: info) {
            case .told(let value): return HTTPResponse(.value(value))
            case .command(let command): return HTTPResponse(answer(command))
            }
        } catch {
            return HTTPResponse(.fault("\(error)"))
        }
    }

    func answer(_ command: Command) -> Answer {
        do throws(ConfigError) { return try perform(command) } catch { return .fault("\(error)") }
    }

    private func perform(_ command: Command) throws(ConfigError) -> Answer {
        switch command {
        case .readConfig: return .value(settings.json)
        case .readMachine: return .value(settings.machine.json)
        case .patchDevice(let request):
            guard isRunning else { throw .notSupportedBeforeBoot }
            try request.perform(settings.devices)
        case .sendCtrlAltDel: throw .notSupportedBeforeBoot
        case _ where isRunning: throw .notSupportedAfterBoot
        case .putBootSource(let source): try settings.put(source)
        case .putMachine(let machine): try settings.put(machine)
        case .patchMachine(let change): try settings.patch(change)
        case .putDevice(let request): try request.perform(settings.devices)
        case .start: throw .notSupportedAfterBoot
        }
        return .done
    }
}
