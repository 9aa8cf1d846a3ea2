// SPDX-License-Identifier: Apache-2.0
package import NestProtocols
internal import NestSandbox
internal import SwiftProtobuf
package import TTRPC

/// The agent in the guest: every call with its bound on time, so that a hung guest holds up nobody for ever.
package struct GuestAgent: Sendable {
    private let client: TTRPCClient

    /// Takes a stream to the agent; a thread of its own reads it from now on.
    package init(_ connection: consuming GuestConnection) {
        var options = TTRPCClientOptions()
        options.onThreadStart = { Confinement.narrow(.shimGuest) }
        client = TTRPCClient(connection.takeDescriptor(), options: options)
    }

    /// Ends the connection, and with it every call that waits.
    package func close() { client.close() }

    func createSandbox(_ request: AgentCreateSandboxRequest) throws(TTRPCStatus) {
        try call("CreateSandbox", request, timeout: .seconds(30))
    }

    func createContainer(_ request: AgentCreateContainerRequest) throws(TTRPCStatus) {
        try call("CreateContainer", request, timeout: .seconds(60))
    }

    /// Starts a container's main process.
    package func startContainer(_ id: String) throws(TTRPCStatus) {
        var request = AgentStartContainerRequest()
        request.containerID = id
        try call("StartContainer", request, timeout: .seconds(60))
    }

    func execProcess(_ request: AgentExecProcessRequest) throws(TTRPCStatus) {
        try call("ExecProcess", request, timeout: .seconds(60))
    }

    /// Sends a signal.
    /// - Parameters:
    ///   - id: the container.
    ///   - execID: the container's own name for its main process; empty for all processes.
    ///   - signal: its number.
    ///   - timeout: how long the guest may take.
    package func signal(
        _ id: String, _ execID: String, _ signal: UInt32, timeout: Duration = .seconds(5)
    ) throws(TTRPCStatus) {
        var request = AgentSignalProcessRequest()
        request.containerID = id
        request.execID = execID
        request.signal = signal
        try call("SignalProcess", request, timeout: timeout)
    }

    /// Waits for a process's end, however long that takes; the end of the connection ends it too.
    /// - Returns: the status, 0 to 255.
    package func wait(_ id: String, _ execID: String) throws(TTRPCStatus) -> UInt32 {
        var request = AgentWaitProcessRequest()
        request.containerID = id
        request.execID = execID
        return GuestAnswer.exitStatus(try answer("WaitProcess", request))
    }

    func resize(_ id: String, _ execID: String, width: UInt32, height: UInt32) throws(TTRPCStatus) {
        var request = AgentTtyWinResizeRequest()
        request.containerID = id
        request.execID = execID
        request.column = width
        request.row = height
        try call("TtyWinResize", request)
    }

    func update(_ id: String, _ resources: OCILinuxResources) throws(TTRPCStatus) {
        var request = AgentUpdateContainerRequest()
        request.containerID = id
        request.resources = resources
        try call("UpdateContainer", request)
    }

    /// Asks for what a container has used.
    package func statistics(_ id: String) throws(TTRPCStatus) -> AgentStatsContainerResponse {
        var request = AgentStatsContainerRequest()
        request.containerID = id
        return try answer("StatsContainer", request, timeout: .seconds(10))
    }

    /// Stops a container's processes until `resume`.
    package func pause(_ id: String) throws(TTRPCStatus) {
        var request = AgentPauseContainerRequest()
        request.containerID = id
        try call("PauseContainer", request)
    }

    func resume(_ id: String) throws(TTRPCStatus) {
        var request = AgentResumeContainerRequest()
        request.containerID = id
        try call("ResumeContainer", request)
    }

    /// Waits for the next container that the guest's kernel took memory from; ends with the connection.
    package func nextOutOfMemory() throws(TTRPCStatus) -> String {
        let event: AgentOOMEvent = try answer("GetOOMEvent", AgentGetOOMEventRequest())
        return event.containerID
    }

    private func call(_ method: String, _ request: some Message, timeout: Duration = .seconds(10)) throws(TTRPCStatus) {
        _ = try bytes(method, request, timeout: timeout)
    }

    private func answer<Content: Message>(
        _ method: String, _ request: some Message, timeout: Duration? = nil
    ) throws(TTRPCStatus) -> Content {
        try GuestAnswer.decoded(try bytes(method, request, timeout: timeout), of: method)
    }

    private func bytes(_ method: String, _ request: some Message, timeout: Duration?) throws(TTRPCStatus) -> [UInt8] {
        do throws(TTRPCStatus) {
            return try client.call(ServiceName.agent, method, try encode(request), timeout: timeout)
        } catch { throw GuestAnswer.failure(error) }
    }
}
