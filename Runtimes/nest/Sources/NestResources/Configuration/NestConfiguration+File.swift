// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestModel
public import VMMSysUtil

extension NestConfiguration {
    /// A configuration file is far smaller; what is larger is not one.
    private static let byteLimit = 1 << 16

    /// Reads the host's configuration.
    /// - Parameter path: a file that must exist; nil for `/etc/nest/config.toml`, or the built-in defaults where there is none.
    public static func load(path: String? = nil) throws(ConfigurationError) -> NestConfiguration {
        let defaults = NestConfiguration(prefix: installedPrefix)
        let file = path ?? defaultPath
        let bytes: [UInt8]
        do throws(Errno) { bytes = try readFile(file, limit: byteLimit) } catch {
            if path == nil && error == .noSuchFile { return defaults }
            if error == .fileTooLarge { throw .tooLarge(file: file, limit: byteLimit) }
            throw .unreadable(file: file, error)
        }
        return try NestConfiguration(parsing: bytes, file: file, over: defaults)
    }

    /// Parses a configuration's text.
    /// - Parameters:
    ///   - file: its name in errors.
    ///   - over: what holds for keys that it does not name.
    public init(
        parsing bytes: [UInt8], file: String, over defaults: NestConfiguration = NestConfiguration()
    ) throws(ConfigurationError) {
        self = defaults
        var section = ""
        var seen: Set<String> = []
        for (index, raw) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            let place = ConfigurationError.Place(file: file, line: index + 1)
            guard let text = String(validating: raw, as: UTF8.self) else { throw .syntax(place, "it is not UTF-8") }
            let line = trim(text[...])
            if line.isEmpty || line.hasPrefix("#") { continue }
            if line.hasPrefix("[") {
                section = try Self.section(line, place)
                continue
            }
            guard let equals = line.firstIndex(of: "=") else { throw .syntax(place, "'key = value' is wanted") }
            let name = String(trim(line[..<equals]))
            guard let key = ConfigurationKey.all.first(where: { $0.section == section && $0.name == name }) else {
                throw .unknownKey(place, section.isEmpty ? name : "\(section).\(name)")
            }
            guard seen.insert("\(section).\(name)").inserted else { throw .doubledKey(place, "\(section).\(name)") }
            try set(key, try ConfigurationValue(line[line.index(after: equals)...], place), place)
        }
    }

    private static func section(
        _ line: Substring, _ place: ConfigurationError.Place
    ) throws(ConfigurationError) -> String {
        guard let end = line.firstIndex(of: "]") else { throw .syntax(place, "']' is missing") }
        let rest = trim(line[line.index(after: end)...])
        guard rest.isEmpty || rest.hasPrefix("#") else { throw .syntax(place, "nothing may follow ']'") }
        let name = String(trim(line[line.index(after: line.startIndex)..<end]))
        guard ConfigurationKey.all.contains(where: { $0.section == name }) else { throw .unknownSection(place, name) }
        return name
    }

    private mutating func set(
        _ key: ConfigurationKey, _ value: ConfigurationValue, _ place: ConfigurationError.Place
    ) throws(ConfigurationError) {
        let name = "\(key.section).\(key.name)"
        switch (key.kind, value) {
        case (.path(let path), .text(let text)):
            guard text.hasPrefix("/"), !text.utf8.contains(0) else {
                throw .badValue(place, name, "an absolute path in quotes is wanted")
            }
            self[keyPath: path] = text
        case (.path, .number): throw .badValue(place, name, "an absolute path in quotes is wanted")
        case (.optionalPath(let path), .text(let text)):
            guard text.isEmpty || text.hasPrefix("/"), !text.utf8.contains(0) else {
                throw .badValue(place, name, "an absolute path in quotes is wanted, or nothing in quotes")
            }
            self[keyPath: path] = text
        case (.optionalPath, .number):
            throw .badValue(place, name, "an absolute path in quotes is wanted, or nothing in quotes")
        case (.words(let path, let limit), .text(let text)):
            guard text.utf8.count <= limit, text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
                throw .badValue(place, name, "at most \(limit) printable characters of ASCII are wanted")
            }
            self[keyPath: path] = text
        case (.words, .number): throw .badValue(place, name, "a text in quotes is wanted")
        case (.number(let path, let range), .number(let number)):
            guard range.contains(number) else {
                throw .badValue(place, name, "\(range.lowerBound) to \(range.upperBound) is wanted, not \(number)")
            }
            self[keyPath: path] = number
        case (.flag(let path), .flag(let flag)): self[keyPath: path] = flag
        case (.flag, _): throw .badValue(place, name, "true or false is wanted, without quotes")
        case (.path, .flag), (.optionalPath, .flag), (.words, .flag):
            throw .badValue(place, name, "a text in quotes is wanted")
        case (.number(_, let range), .text), (.number(_, let range), .flag):
            throw .badValue(
                place, name, "a number from \(range.lowerBound) to \(range.upperBound) is wanted, without quotes")
        }
    }
}

/// A value as the file spells it: TOML's basic strings without escapes beyond `\"` and `\\`, and its decimal integers.
private enum ConfigurationValue {
    case text(String)
    case number(Int)
    case flag(Bool)

    init(_ source: Substring, _ place: ConfigurationError.Place) throws(ConfigurationError) {
        let text = trim(source)
        guard let first = text.first else { throw .syntax(place, "a value is missing") }
        var rest = text.dropFirst()
        if first == "\"" {
            var value = ""
            var isClosed = false
            while let next = rest.popFirst() {
                if next == "\"" {
                    isClosed = true
                    break
                }
                if next == "\\" {
                    guard let escaped = rest.popFirst(), escaped == "\"" || escaped == "\\" else {
                        throw .syntax(place, "only \\\" and \\\\ may follow a backslash")
                    }
                    value.append(escaped)
                } else {
                    value.append(next)
                }
            }
            guard isClosed else { throw .syntax(place, "the closing quote is missing") }
            self = .text(value)
        } else {
            let word = text.prefix { $0 != "#" && $0 != " " && $0 != "\t" }
            rest = text.dropFirst(word.count)
            // TOML's integers: underscores only between digits, no leading zero.
            let digits = word.utf8.filter { $0 != UInt8(ascii: "_") }
            let isPlain =
                digits.allSatisfy { (0x30...0x39).contains($0) } && !word.hasPrefix("_") && !word.hasSuffix("_")
                && !word.contains("__") && (digits.count == 1 || !word.hasPrefix("0"))
            if let flag = Bool(String(word)) {
                self = .flag(flag)
            } else if isPlain, let number = Int(String(decoding: digits, as: UTF8.self)) {
                self = .number(number)
            } else {
                throw .syntax(place, "'\(word)' is neither a number, true, false nor a text in quotes")
            }
        }
        let after = trim(rest)
        guard after.isEmpty || after.hasPrefix("#") else { throw .syntax(place, "nothing may follow the value") }
    }
}

private func trim(_ text: Substring) -> Substring {
    var text = text
    while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
    while let last = text.last, last == " " || last == "\t" || last == "\r" { text.removeLast() }
    return text
}

/// Why a configuration cannot be used.
public enum ConfigurationError: Error, Equatable, Sendable {
    /// A line of the file.
    public struct Place: Equatable, Sendable {
        /// The file's path.
        public var file: String
        /// From 1 on.
        public var line: Int
        /// Names a line.
        public init(file: String, line: Int) {
            self.file = file
            self.line = line
        }
    }

    /// The file cannot be read.
    case unreadable(file: String, Errno)
    /// The file is too large to be a configuration.
    case tooLarge(file: String, limit: Int)
    /// The line is not of the form.
    case syntax(Place, String)
    /// There is no such section.
    case unknownSection(Place, String)
    /// There is no such key in this section.
    case unknownKey(Place, String)
    /// The key stands there twice.
    case doubledKey(Place, String)
    /// The value is not one that the key takes.
    case badValue(Place, String, String)
}

extension ConfigurationError: CustomStringConvertible {
    /// One line that names file, line and key.
    public var description: String { PlainLine.of(reason, byteLimit: 4096) }

    private var reason: String {
        switch self {
        case .unreadable(let file, let error): "cannot read the configuration \(file): \(error)"
        case .tooLarge(let file, let limit): "\(file) has more than \(limit) bytes: it is no configuration"
        case .syntax(let place, let why): "\(place): \(why)"
        case .unknownSection(let place, let name): "\(place): there is no section [\(name)]"
        case .unknownKey(let place, let name): "\(place): there is no key \(name)"
        case .doubledKey(let place, let name): "\(place): \(name) was set before"
        case .badValue(let place, let name, let why): "\(place): \(name): \(why)"
        }
    }
}

extension ConfigurationError.Place: CustomStringConvertible {
    /// `file:line`.
    public var description: String { "\(file):\(line)" }
}
