// SPDX-License-Identifier: Apache-2.0

/// Names of the services, as they travel in a request.
public enum ServiceName {
    /// containerd's task API; version 3 has the same messages.
    public static let taskV2 = "containerd.task.v2.Task"
    /// See `taskV2`.
    public static let taskV3 = "containerd.task.v3.Task"
    /// Takes events; its method is Forward.
    public static let events = "containerd.services.events.ttrpc.v1.Events"
    /// The guest agent.
    public static let agent = "grpc.AgentService"
    /// Whether the guest agent lives.
    public static let health = "grpc.Health"
}

/// Ports of the guest agent on vsock.
public enum AgentPort {
    /// The agent's ttrpc server.
    public static let calls: UInt32 = 1024
    /// The agent's log, a line a record; the guest listens.
    public static let log: UInt32 = 1025
    /// Of the host: the agent connects once it answers calls. Nothing is sent, and an agent that does not is asked now and then.
    public static let ready: UInt32 = 1026
    /// Standard streams; the guest listens, and knows a connection by its peer's port.
    public static let streams: UInt32 = 1027
}
