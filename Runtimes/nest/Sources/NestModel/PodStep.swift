// SPDX-License-Identifier: Apache-2.0

/// The steps of a container's life in the order they happen.
///
/// The shim times each of them by this name, logs begin and end, and fault tests hold a pod there: one list for all.
public enum PodStep: String, CaseIterable, Sendable {
    /// `start` listens on the pod's socket.
    case bind
    /// The bundle's config.json is read and checked.
    case specification
    /// The operator's configuration is read.
    case configuration
    /// The root image is found in the cache or built.
    case image
    /// The writable layer is made.
    case scratch
    /// The shim joins the container's cgroup.
    case cgroup
    /// The VMM is started in its jail.
    case boot
    /// The guest's agent answers.
    case agent
    /// The agent makes the sandbox.
    case sandbox
    /// Standard streams are connected.
    case streams
    /// The agent makes the container.
    case container
    /// The container's process starts.
    case start
    /// The process has ended and the last of its output is delivered.
    case drain
    /// The VM is ended.
    case stop
    /// What the pod had on the host is removed.
    case delete
}
