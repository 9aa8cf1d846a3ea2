// SPDX-License-Identifier: Apache-2.0
import SwiftletVMM

/// `swiftlet --api-sock ...`: the machine that a client of the API, or a configuration file, describes.
struct APIArguments: Equatable {
    var socket = "/run/swiftlet.socket"
    var id = "anonymous-instance"
    var configFile: String?
    var hasAPI = true
    var payloadLimit = 51200
    var offersPackedRings = false
    var sandbox = SandboxArguments()
}

extension APIArguments {
    /// Parses options without a verb before them.
    init(_ arguments: ArraySlice<String>) throws(UsageError) {
        var options = OptionReader(arguments)
        while let option = options.next() {
            switch option {
            case "--api-sock": socket = try options.value()
            case "--id": id = try Self.checked(id: try options.value())
            case "--config-file": configFile = try options.value()
            case "--no-api": hasAPI = false
            case "--http-api-max-payload-size": payloadLimit = try Self.limit(try options.value())
            case "--packed-rings": offersPackedRings = true
            case _ where try Self.take(option, from: &options, for: &sandbox): break
            default: throw UsageError("unknown option '\(option)'; see swiftlet --help", isOfAPI: true)
            }
        }
        if !hasAPI && configFile == nil { throw UsageError("--no-api needs --config-file FILE", isOfAPI: true) }
        if socket.isEmpty || socket.utf8.count > 107 {
            throw UsageError("--api-sock takes a path of 1 to 107 bytes", isOfAPI: true)
        }
    }

    private static func take(
        _ option: String, from options: inout OptionReader, for sandbox: inout SandboxArguments
    ) throws(UsageError) -> Bool {
        do throws(UsageError) { return try sandbox.take(option, from: &options) } catch {
            throw UsageError(error.description, isOfAPI: true)
        }
    }

    private static func checked(id: String) throws(UsageError) -> String {
        let isPossible = id.utf8.allSatisfy {
            $0 == UInt8(ascii: "-") || (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
        }
        guard isPossible, (1...64).contains(id.utf8.count) else {
            throw UsageError("--id takes 1 to 64 letters, digits and '-', not '\(id)'", isOfAPI: true)
        }
        return id
    }

    private static func limit(_ text: String) throws(UsageError) -> Int {
        guard let limit = Int(text), (1...(1 << 30)).contains(limit) else {
            throw UsageError("--http-api-max-payload-size takes bytes, not '\(text)'", isOfAPI: true)
        }
        return limit
    }
}
