// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols
internal import SwiftProtobuf

/// The requests of `Protos/agent.proto`, by their names there.
public enum AgentRequests {
    /// A corpus counts them: new ones come last.
    static let types: [any Message.Type] = [
        AgentCreateSandboxRequest.self, AgentDestroySandboxRequest.self, AgentCreateContainerRequest.self,
        AgentStartContainerRequest.self, AgentRemoveContainerRequest.self, AgentUpdateContainerRequest.self,
        AgentStatsContainerRequest.self, AgentPauseContainerRequest.self, AgentResumeContainerRequest.self,
        AgentExecProcessRequest.self, AgentSignalProcessRequest.self, AgentWaitProcessRequest.self,
        AgentWriteStreamRequest.self, AgentReadStreamRequest.self, AgentCloseStdinRequest.self,
        AgentTtyWinResizeRequest.self, AgentCopyFileRequest.self, AgentGuestDetailsRequest.self,
        AgentOnlineCPUMemRequest.self, AgentReseedRandomDevRequest.self, AgentSetGuestDateTimeRequest.self,
        AgentGetOOMEventRequest.self, AgentGetMetricsRequest.self, AgentVolumeStatsRequest.self, AgentCheckRequest.self,
    ]

    /// Their names: an input's first byte is the place of one here.
    public static var names: [String] { types.map { name(of: $0) } }

    static func name(of type: any Message.Type) -> String {
        type.protoMessageName.split(separator: ".").last.map(String.init) ?? ""
    }
}
