// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil
internal import VMMemory
internal import VirtioModel
internal import VirtioQueue

/// One port of a console: what the host has at its end, and what happened on it.
///
/// Bytes pass unchanged in both directions. Input is read only when the guest has a buffer for it, and a chain that the
/// host does not take stays in the guest's ring: nothing is kept in between, and nothing is lost.
///
/// Belongs to the device's thread once it was given to a `ConsoleDevice`.
public final class ConsolePort {
    /// What happened on a port.
    public enum Event: Sendable, Equatable {
        /// The guest opened the port.
        case guestOpened
        /// The guest closed the port, and all that it wrote before has been written, or discarded after an error or with
        /// the queue that it was in.
        case guestClosed
        /// The input came to its end (or failed), and all of it is in the guest's buffers.
        case inputEnded
        /// The output failed; what the guest writes from now on is discarded.
        case outputFailed(Errno)
    }

    /// What the guest sees as the port's name: in Linux `/sys/class/virtio-ports/vportNpM/name`.
    public let name: String?
    /// Whether the guest makes a console (`/dev/hvcN`) of it, not just a character device.
    public let isConsole: Bool
    let closesAtEndOfInput: Bool
    let onEvent: (Event) -> Void

    var input: HostDescriptor?
    var output: HostDescriptor?
    let hasOutput: Bool
    let hasInput: Bool

    /// Makes a port.
    /// - Parameters:
    ///   - name: UTF-8, up to 256 bytes are shown.
    ///   - isConsole: whether it is a console for the guest.
    ///   - input: what the guest receives; nil for nothing, without an end.
    ///   - output: where goes what the guest sends; nil discards it.
    ///   - closesAtEndOfInput: a port with input and output is closed for the guest when the input ends. A Linux guest
    ///     can then read the end of the file, but its writers wait from then on. A port without output is closed then
    ///     in any case.
    ///   - onEvent: called on the device's thread.
    public init(
        name: String? = nil, isConsole: Bool = false, input: consuming HostDescriptor?,
        output: consuming HostDescriptor?, closesAtEndOfInput: Bool = false,
        onEvent: @escaping (Event) -> Void = { _ in }
    ) {
        self.name = name
        self.isConsole = isConsole
        self.closesAtEndOfInput = closesAtEndOfInput
        self.onEvent = onEvent
        hasInput = Self.isPresent(input)
        hasOutput = Self.isPresent(output)
        self.input = input
        self.output = output
    }

    private static func isPresent(_ descriptor: borrowing HostDescriptor?) -> Bool {
        switch descriptor {
        case .some: true
        case .none: false
        }
    }

    // MARK: State of the device

    /// The port's number, given by the device.
    var id: UInt32 = 0
    /// Messages that the guest is still to get, each at most once.
    var owed: OwedMessages = []
    /// Whether the guest has told that it is set up for the port.
    var isReady = false
    /// Whether the guest has the port open.
    var isGuestOpen = false
    /// Whether the input came to its end.
    var isInputEnded = false
    /// Whether the output failed.
    var isOutputFailed = false
    /// Why the output failed, until that was reported.
    var failure: Errno?
    /// Bytes of the next chain of the transmit queue that are written already.
    var outputOffset: UInt64 = 0
    /// After that many chains of the transmit queue the guest closed the port.
    var chainsUntilClose: Int?
    /// The guest opened the port again after that.
    var reopensAfterClose = false
    /// Whether more of the port's work was posted to the device's thread.
    var isContinuationPosted = false
    var receive: Queue?
    var transmit: Queue?
    var inputSource: (any EventSource)?
    var outputSource: (any EventSource)?
    /// Taken out of the device; the number may be used again.
    var isRemoved = false

    /// Whether the host's end is open for the guest.
    var isHostOpen: Bool { !(isInputEnded && (!hasOutput || closesAtEndOfInput)) }

    /// Forgets what belongs to one activation.
    func deactivate() {
        owed = []
        isReady = false
        isGuestOpen = false
        outputOffset = 0
        chainsUntilClose = nil
        reopensAfterClose = false
        receive = nil
        transmit = nil
        stopWatchingInput()
        stopWatchingOutput()
    }

    func stopWatchingInput() {
        inputSource?.remove()
        inputSource = nil
    }

    func stopWatchingOutput() {
        outputSource?.remove()
        outputSource = nil
    }
}

/// Control messages to the guest that are due: a set, since however often the guest asks, there is one of each kind.
struct OwedMessages: OptionSet {
    let rawValue: UInt8

    static let add = OwedMessages(rawValue: 2)
    static let consolePort = OwedMessages(rawValue: 4)
    static let size = OwedMessages(rawValue: 8)
    static let name = OwedMessages(rawValue: 16)
    static let open = OwedMessages(rawValue: 32)
    static let all: OwedMessages = [.add, .consolePort, .size, .name, .open]
}
