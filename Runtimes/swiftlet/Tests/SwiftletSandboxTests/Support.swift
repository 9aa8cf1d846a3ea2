// SPDX-License-Identifier: Apache-2.0
import Glibc
import Seccompiler
import SwiftletVMM
import Testing

/// The threads whose filters are looked at, as a machine has them.
enum Confined: String, CaseIterable {
    /// The one that serves the API's clients.
    case api
    /// A vCPU's.
    case vcpu
    /// The device thread of `swiftlet run` with a drive and a command.
    case run
    /// The device thread with an API and every device.
    case all

    var thread: SandboxThread {
        switch self {
        case .api: .api
        case .vcpu: .vcpu
        case .run, .all: .vmm
        }
    }

    var pieces: [FilterPiece] {
        switch self {
        case .api, .vcpu: []
        case .run: [.drives, .entropy, .console]
        case .all: [.drives, .drivesAsync, .drivesPatch, .vsock, .entropy, .vmmAPI]
        }
    }

    func program() throws -> BPFProgram { try Sandbox.standard.program(for: thread, adding: pieces) }
}

/// The folder of policies, and what is in it.
enum Policies {
    static let folder = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/Policy"

    static func text(_ name: String) throws -> String {
        String(decoding: try readWholeFile("\(folder)/\(name)"), as: UTF8.self)
    }

    /// All filters of all files, by name.
    static func filters() throws -> [String: Filter] {
        var filters: [String: Filter] = [:]
        for name in ["base", "console", "drives", "entropy", "threads", "vsock"] {
            for entry in try Policy(json: try text("\(name).json"), architecture: .x86_64).entries {
                #expect(filters.updateValue(entry.filter, forKey: entry.name) == nil, "two filters \(entry.name)")
            }
        }
        return filters
    }

    /// The policies of a thread's filter, put together.
    static func filter(of thread: Confined) throws -> Filter {
        let filters = try filters()
        var whole = try #require(filters[thread.thread.rawValue])
        for name in thread.pieces.map(\.name) + ["base"] { whole = try whole.adding(try #require(filters[name]).rules) }
        return whole
    }
}

func constant(_ name: String) throws -> UInt64 { try #require(Architecture.x86_64.constant(name)) }
