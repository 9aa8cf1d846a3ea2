// SPDX-License-Identifier: Apache-2.0
package import NestProtocols

/// What the shim makes of a bundle's config.json before it does anything: for fuzzing.
package enum BundleProbe {
    /// It is no specification, and why.
    case malformed(String)
    /// It asks for what nest does not do.
    case refused(String)
    /// What goes to the guest, and the cgroup's path as it is named.
    case accepted(OCISpec, cgroupPath: String)

    /// Reads a config.json as that of the container `probe`.
    package static func read(_ json: [UInt8]) -> BundleProbe {
        do throws(SpecificationError) {
            let specification = try Specification(json: json, path: "config.json", bundle: "/bundle", id: "probe")
            return .accepted(specification.guest, cgroupPath: specification.cgroupPath)
        } catch {
            if case .unsupported = error { return .refused(error.description) }
            return .malformed(error.description)
        }
    }
}
