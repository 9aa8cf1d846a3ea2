// SPDX-License-Identifier: Apache-2.0
internal import NestAgent
internal import NestProtocols
internal import NestResources
internal import NestShim

/// What fuzzed bytes came to as a bundle's specification.
public enum FuzzedBundle: Equatable, Sendable {
    /// They are none, for the reason in that line.
    case malformed(String)
    /// They are one that asks for what nest does not do: the line says what.
    case refused(String)
    /// The container would be made; the length of the text that the agent would give to crun.
    case accepted(fileByteCount: Int)

    /// Whether it is one, asking for whatever.
    public var isWhole: Bool { if case .malformed = self { false } else { true } }
}

/// Reads any bytes as a bundle's config.json, as the shim does, and makes of it what the agent gives to crun. Nothing is
/// carried out. Aborts where a refusal is no line, the text for crun is no JSON or says something else, or the cgroup's path
/// leaves the hierarchy.
@discardableResult
public func fuzzBundle(_ bytes: UnsafeRawBufferPointer) -> FuzzedBundle {
    switch BundleProbe.read(Array(bytes)) {
    case .malformed(let line):
        checkLine(line, byteLimit: 4096)
        return .malformed(line)
    case .refused(let line):
        checkLine(line, byteLimit: 4096)
        return .refused(line)
    case .accepted(let specification, let cgroupPath):
        if let path = try? CgroupPath.parse(cgroupPath) {
            let names = path.utf8.split(separator: 0x2f)
            if names.contains(where: { $0.elementsEqual("..".utf8) || $0.elementsEqual(".".utf8) }) {
                finding("the cgroup \(path)")
            }
        }
        var request = AgentCreateContainerRequest()
        request.containerID = "probe"
        request.oci = specification
        do throws(RequestProbe.Refusal) {
            let text = try RequestProbe.plan(request).specification ?? []
            return .accepted(fileByteCount: checkSpecification(text, says: specification))
        } catch { finding("the agent refuses it: \(error.line)") }
    }
}
