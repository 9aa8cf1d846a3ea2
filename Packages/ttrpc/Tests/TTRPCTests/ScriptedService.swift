// SPDX-License-Identifier: Apache-2.0
import Synchronization
import TTRPC

/// A service of one closure, which notes what it is asked.
final class ScriptedService: TTRPCService {
    let name: String
    private let asked = Mutex<[String]>([])
    private let answer: @Sendable (String, [UInt8]) throws(TTRPCStatus) -> [UInt8]

    init(_ name: String, _ answer: @escaping @Sendable (String, [UInt8]) throws(TTRPCStatus) -> [UInt8]) {
        self.name = name
        self.answer = answer
    }

    /// The methods that were called, in order.
    var methods: [String] { asked.withLock { $0 } }

    func unary(_ method: String, _ request: [UInt8], _ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8] {
        asked.withLock { $0.append(method) }
        return try answer(method, request)
    }
}
