// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols
package import SwiftProtobuf

/// What the agent makes of a request before it does anything: for fuzzing, where no request may reach the machine.
package enum RequestProbe {
    /// What a call would begin with.
    package struct Plan {
        /// The specification for crun.
        package var specification: [UInt8]?
        /// The process for crun.
        package var process: [UInt8]?
        /// The limits for crun.
        package var resources: [UInt8]?
        /// Parts of the paths below `/run` where a file or a mount would be made.
        package var names: [String] = []
    }

    /// Checks a request as its call does.
    /// - Parameter request: any message that the agent takes; one without rules of its own has an empty plan.
    /// - Throws: the status of the answer, as text.
    package static func plan(_ request: any Message) throws(Refusal) -> Plan {
        do throws(AgentError) { return try checked(request) } catch { throw Refusal(line: error.description) }
    }

    /// Why a call would fail.
    package struct Refusal: Error, Equatable {
        /// The message of its status.
        package var line: String
    }

    private static func checked(_ request: any Message) throws(AgentError) -> Plan {
        var plan = Plan()
        switch request {
        case let request as AgentCreateSandboxRequest:
            try AgentCore.check(request)
            plan.names = try names(request.storages)
        case let request as AgentCreateContainerRequest:
            try Containers.check(request)
            plan.names = try names(request.storages)
            plan.specification = request.oci.json(cgroup: "/\(request.containerID)").encoded
        case let request as AgentExecProcessRequest:
            try Containers.check(request)
            plan.process = request.process.json.encoded
        case let request as AgentUpdateContainerRequest: plan.resources = request.resources.json.object.encoded
        case let request as AgentCopyFileRequest: plan.names = try CopiedFile(request).names
        default: break
        }
        return plan
    }

    private static func names(_ storages: [AgentStorage]) throws(AgentError) -> [String] {
        _ = try StorageCatalog.handlers(of: storages)
        // Of every mount's options, too, as the handlers read them.
        for storage in storages { _ = MountOptions(storage.options) }
        return storages.flatMap { RunPath($0.mountPoint)?.names ?? ["/"] }
    }
}
