// SPDX-License-Identifier: Apache-2.0
import SwiftletVMM

/// What `--result FILE` holds: why the machine ended, for programs.
struct ResultReport {
    let json: String

    init(_ cause: StopCause, status: UInt8) {
        var fields = [#""cause":"\#(cause.name)""#, #""status":\#(status)"#]
        switch cause {
        case .failed(let error): fields.append(#""message":\#(Self.quoted(error.description))"#)
        case .commandEnded(.failed(let text)): fields.append(#""message":\#(Self.quoted(text))"#)
        case .commandEnded(.signalled(let signal)): fields.append(#""signal":\#(signal)"#)
        case .interrupted(let signal): fields.append(#""signal":\#(signal)"#)
        default: break
        }
        json = "{\(fields.joined(separator: ","))}\n"
    }

    /// A JSON string (RFC 8259, section 7).
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case _ where scalar.value < 32:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
