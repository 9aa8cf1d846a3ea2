// SPDX-License-Identifier: Apache-2.0

/// Bytes as they are written in a specification: pairs of hexadecimal digits, text in `'single quotes'`, anything else
/// between them ignored. What is no pair of digits is left out, so compare against bytes that you know.
public func hexBytes(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var digits: [UInt8] = []
    var isQuoted = false
    for byte in text.utf8 {
        if byte == UInt8(ascii: "'") {
            isQuoted.toggle()
        } else if isQuoted {
            bytes.append(byte)
        } else if let digit = Character(UnicodeScalar(byte)).hexDigitValue {
            digits.append(UInt8(digit))
            if digits.count == 2 {
                bytes.append(digits[0] << 4 | digits[1])
                digits = []
            }
        }
    }
    return bytes
}
