// SPDX-License-Identifier: Apache-2.0
internal import CJansson

extension JSONValue {
    /// Parses a whole text: an object or an array, in UTF-8, with nothing behind it.
    ///
    /// Doubled keys and NUL characters are refused, and nesting deeper than `depthLimit`. The caller bounds the length of
    /// the text; what comes out is in proportion to it.
    public init(parsing text: [UInt8]) throws(JSONFault) {
        guard Self.isShallow(text) else { throw .syntax("recursion limit exceeded") }
        _ = seeded
        var error = json_error_t()
        let root = text.withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                json_loadb($0.baseAddress, $0.count, Int(JSON_REJECT_DUPLICATES), &error)
            }
        }
        guard let root else { throw .syntax(Self.message(&error, isEmpty: text.isEmpty)) }
        defer { json_decref(root) }
        self = Self.value(root)
    }

    /// The deepest nesting. The library's own bound is 2048 calls, more than a small stack holds.
    static let depthLimit = 64

    /// Whether no bracket is nested too deep; brackets in strings are not counted.
    private static func isShallow(_ text: [UInt8]) -> Bool {
        var depth = 0
        var isInString = false
        var isEscaped = false
        for byte in text {
            if isEscaped { isEscaped = false; continue }
            switch byte {
            case UInt8(ascii: "\\") where isInString: isEscaped = true
            case UInt8(ascii: "\""): isInString.toggle()
            case UInt8(ascii: "{") where !isInString, UInt8(ascii: "[") where !isInString:
                depth += 1
                if depth > depthLimit { return false }
            case UInt8(ascii: "}") where !isInString, UInt8(ascii: "]") where !isInString: depth -= 1
            default: break
            }
        }
        return true
    }

    private static func value(_ node: UnsafeMutablePointer<json_t>) -> JSONValue {
        switch node.pointee.type {
        case JSON_TRUE: return .bool(true)
        case JSON_FALSE: return .bool(false)
        case JSON_INTEGER: return .integer(Int64(json_integer_value(node)))
        case JSON_REAL: return .real(json_real_value(node))
        case JSON_STRING: return .string(text(node))
        case JSON_ARRAY:
            var elements: [JSONValue] = []
            for index in 0..<json_array_size(node) {
                if let element = json_array_get(node, index) { elements.append(value(element)) }
            }
            return .array(elements)
        case JSON_OBJECT:
            var members: [Member] = []
            var position = json_object_iter(node)
            while let here = position {
                if let key = json_object_iter_key(here), let element = json_object_iter_value(here) {
                    members.append(Member(String(cString: key), value(element)))
                }
                position = json_object_iter_next(node, here)
            }
            return .object(members)
        default: return .null
        }
    }

    private static func text(_ node: UnsafeMutablePointer<json_t>) -> String {
        guard let start = json_string_value(node) else { return "" }
        let bytes = UnsafeRawBufferPointer(start: start, count: json_string_length(node))
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func message(_ error: inout json_error_t, isEmpty: Bool) -> String {
        if isEmpty { return "EOF while parsing a value" }
        let text = withUnsafeBytes(of: &error.text) { bytes in
            // The library's last byte of the text is a code, behind the NUL.
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return "\(text) at line \(error.line) column \(error.column)"
    }
}

/// The library hashes keys with a seed, which it would take from /dev/urandom: not there in an empty root.
private let seeded: Bool = {
    // 0 would mean: choose one yourself.
    json_object_seed(Int.random(in: 1...Int.max))
    return true
}()
