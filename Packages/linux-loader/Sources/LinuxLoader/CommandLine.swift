// SPDX-License-Identifier: Apache-2.0

/// A kernel command line under construction, never longer than its capacity.
///
/// What comes before ` -- ` is for the kernel, what comes after it for init. A failed insertion changes nothing. Two
/// command lines are equal if they render to the same text.
public struct CommandLine: Sendable, Equatable, CustomStringConvertible {
    /// The most bytes of the rendered text with its NUL.
    public let capacity: Int
    /// The kernel's arguments.
    public private(set) var kernelArguments: String = ""
    /// What init gets.
    public private(set) var initArguments: String = ""

    /// Linux/x86 takes 2,047 bytes and a NUL (`COMMAND_LINE_SIZE`); arm64 the same.
    public static let defaultCapacity = 2048

    /// An empty command line.
    public init(capacity: Int = defaultCapacity) throws(CommandLineError) {
        guard capacity > 0 else { throw .capacity(capacity) }
        self.capacity = capacity
    }

    /// Appends text to the kernel's arguments as it is, behind a space.
    public mutating func insert(_ text: some StringProtocol) throws(CommandLineError) {
        try Self.checkPrintable(text)
        try append(String(text), toInit: false)
    }

    /// Appends `key=value`. A value with spaces has to be quoted as a whole: `"a b"`.
    public mutating func insert(key: String, value: String) throws(CommandLineError) {
        try Self.checkKey(key)
        try Self.checkValue(value)
        try append("\(key)=\(value)", toInit: false)
    }

    /// Appends `key=first,second,...`.
    public mutating func insert(key: String, values: [String]) throws(CommandLineError) {
        try Self.checkKey(key)
        guard !values.isEmpty else { throw .noValues(key: key) }
        for value in values { try Self.checkValue(value) }
        try append("\(key)=\(values.joined(separator: ","))", toInit: false)
    }

    /// Appends text to init's arguments.
    public mutating func insertInitArgument(_ text: some StringProtocol) throws(CommandLineError) {
        try Self.checkPrintable(text)
        try append(String(text), toInit: true)
    }

    /// Appends `virtio_mmio.device=SIZE@BASE:IRQ[:ID]` (Documentation/admin-guide/kernel-parameters.txt).
    public mutating func insertVirtioMMIODevice(
        base: UInt64, byteCount: UInt64, interrupt: UInt32, id: UInt32? = nil
    ) throws(CommandLineError) {
        guard byteCount > 0, !base.addingReportingOverflow(byteCount - 1).overflow else {
            throw .deviceRange(base: base, byteCount: byteCount)
        }
        var size = String(byteCount)
        for (suffix, shift) in [("G", 30), ("M", 20), ("K", 10)] as [(String, UInt64)]
        where byteCount & ((1 << shift) - 1) == 0 {
            size = "\(byteCount >> shift)\(suffix)"
            break
        }
        let tail = id.map { ":\($0)" } ?? ""
        try append("virtio_mmio.device=\(size)@\(hex(base)):\(interrupt)\(tail)", toInit: false)
    }

    /// The text without NUL.
    public var description: String {
        initArguments.isEmpty ? kernelArguments : "\(kernelArguments) -- \(initArguments)"
    }

    /// The text with its NUL, as it goes to guest memory.
    public func rendered() throws(CommandLineError) -> [UInt8] {
        guard initArguments.isEmpty || !kernelArguments.isEmpty else { throw .onlyInitArguments }
        return Array(description.utf8) + [0]
    }

    /// Whether one of the kernel's arguments is exactly `word`, such as `nokaslr`.
    public func containsKernelArgument(_ word: String) -> Bool {
        (try? Self.words(kernelArguments))?.prefix { $0 != "--" }.contains { $0 == word } ?? false
    }

    /// Whether both render to the same text, whatever their capacities.
    public static func == (left: CommandLine, right: CommandLine) -> Bool { left.description == right.description }

    mutating func append(_ text: String, toInit: Bool) throws(CommandLineError) {
        guard !text.isEmpty else { return }
        var next = self
        if toInit {
            next.initArguments += next.initArguments.isEmpty ? text : " " + text
        } else {
            next.kernelArguments += next.kernelArguments.isEmpty ? text : " " + text
        }
        let needed = next.description.utf8.count + 1
        guard needed <= capacity else { throw .tooLong(needed: needed, capacity: capacity) }
        self = next
    }

    private static func checkPrintable(_ text: some StringProtocol) throws(CommandLineError) {
        for byte in text.utf8 where !(0x20...0x7e).contains(byte) { throw .notPrintable(byte: byte) }
    }

    private static func checkKey(_ key: String) throws(CommandLineError) {
        try checkPrintable(key)
        guard !key.isEmpty else { throw .emptyKey }
        guard !key.contains(" ") else { throw .spaceInKey(key) }
        guard !key.contains("=") else { throw .equalsInKey(key) }
        guard !key.contains("\"") else { throw .quoteInside(key) }
    }

    private static func checkValue(_ value: String) throws(CommandLineError) {
        try checkPrintable(value)
        let isQuoted = value.utf8.count >= 2 && value.hasPrefix("\"") && value.hasSuffix("\"")
        let inner = isQuoted ? String(value.dropFirst().dropLast()) : value
        guard !inner.contains("\"") else { throw .quoteInside(value) }
        guard isQuoted || !value.contains(" ") else { throw .unquotedSpace(value) }
    }
}
