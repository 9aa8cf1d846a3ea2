// SPDX-License-Identifier: Apache-2.0
import Glibc
import Seccompiler
import SeccompilerTestSupport
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

let policies = PolicyFolder("/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/Policy")

extension PolicyFolder {
    /// The policies of a thread's filter, put together.
    func filter(of thread: Confined) throws -> Filter {
        try #require(try filter(joining: [thread.thread.rawValue] + thread.pieces.map(\.name) + ["base"]))
    }
}

func constant(_ name: String) throws -> UInt64 { try #require(Architecture.x86_64.constant(name)) }
