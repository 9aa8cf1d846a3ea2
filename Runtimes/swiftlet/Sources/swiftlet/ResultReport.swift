// SPDX-License-Identifier: Apache-2.0
import SwiftletVMM
import VMMSysUtil

/// The file of `--result`: opened before the machine runs, because afterwards this thread may open nothing any more.
struct ResultFile: ~Copyable {
    private let file: FileDescriptor?

    /// - Parameter path: nil for none.
    init(_ path: String?) throws(Errno) {
        guard let path else {
            file = nil
            return
        }
        file = try FileDescriptor.open(path, [.writeOnly, .create, .truncate])
    }

    /// Writes the report, if there is a file for it.
    borrowing func write(_ report: ResultReport) throws(Errno) {
        switch file {
        case .some(let file): try writeWhole(Array(report.json.utf8), to: file)
        case .none: break
        }
    }
}

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
