// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols

/// What nest does not do is refused by its name, never ignored: a container that runs without what its owner asked for is
/// worse than one that does not run.
enum SpecificationCheck {
    static func check(_ spec: OCISpec) throws(SpecificationError) {
        guard spec.hasProcess, !spec.process.args.isEmpty else {
            throw .unsupported("a container without a process (process.args is empty)")
        }
        guard spec.hasRoot, !spec.root.path.isEmpty else {
            throw .unsupported("a container without a root (root.path)")
        }
        // CRI's and CRI-O's word for a container that joins a pod.
        for key in ["io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"]
        where spec.annotations[key] == "container" {
            throw .unsupported("a second container in a pod yet (annotation \(key))")
        }
        try checkPrivileges(spec)
        try checkNamespaces(spec.linux)
        try checkMounts(spec.mounts)
        if let device = spec.linux.devices.first {
            throw .unsupported("host devices (\(device.path)); only the guest's own exist in the container")
        }
        try checkHooks(spec.hooks)
        try check(spec.linux.resources)
        if spec.linux.hasIntelRdt, !spec.linux.intelRdt.l3CacheSchema.isEmpty { throw .unsupported("linux.intelRdt") }
    }

    /// Limits that name what only the host has; an update may ask for them as well.
    static func check(_ resources: OCILinuxResources) throws(SpecificationError) {
        if !resources.cpu.cpus.isEmpty {
            throw .unsupported("choosing the host's processors (linux.resources.cpu.cpus: \(resources.cpu.cpus))")
        }
        if !resources.cpu.mems.isEmpty {
            throw .unsupported("choosing the host's memory nodes (linux.resources.cpu.mems: \(resources.cpu.mems))")
        }
        if resources.blockIo != OCILinuxBlockIO() {
            throw .unsupported("limits of the host's disks (linux.resources.blockIO)")
        }
        // Kubernetes sends a 0 for every page size that the host has.
        if let pages = resources.hugepageLimits.first(where: { $0.limit > 0 }) {
            throw .unsupported("huge pages (linux.resources.hugepageLimits: \(pages.pageSize))")
        }
        if resources.network != OCILinuxNetwork() { throw .unsupported("network classes (linux.resources.network)") }
    }

    /// By what `--privileged` adds: a rule that allows every device, or no masked path together with all capabilities.
    private static func checkPrivileges(_ spec: OCISpec) throws(SpecificationError) {
        let allowsAllDevices = spec.linux.resources.devices.contains { rule in
            rule.allow && ["", "a"].contains(rule.type) && rule.major <= 0 && rule.minor <= 0
                && rule.access.contains("w")
        }
        let bounding = Set(spec.process.capabilities.bounding)
        let isUnmasked =
            spec.linux.maskedPaths.isEmpty && spec.linux.readonlyPaths.isEmpty
            && bounding.isSuperset(of: ["CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO"])
        if allowsAllDevices || isUnmasked { throw .unsupported("privileged containers (--privileged)") }
    }

    private static func checkNamespaces(_ linux: OCILinux) throws(SpecificationError) {
        for namespace in linux.namespaces {
            guard namespace.path.isEmpty else {
                throw .unsupported(
                    namespace.type == "network"
                        ? "networks yet (the network namespace \(namespace.path))"
                        : "joining a namespace (\(namespace.type): \(namespace.path))")
            }
            guard namespace.type != "user" else { throw .unsupported("user namespaces yet") }
        }
        let own = Set(linux.namespaces.map(\.type))
        for (type, name) in [
            ("network", "the host's network (--net-host, no network namespace)"),
            ("pid", "the host's processes (no pid namespace)"), ("ipc", "the host's IPC (no ipc namespace)"),
            ("uts", "the host's name (no uts namespace)"), ("mount", "the host's mounts (no mount namespace)"),
        ] where !own.contains(type) {
            throw .unsupported(name)
        }
        if !linux.uidMappings.isEmpty || !linux.gidMappings.isEmpty { throw .unsupported("user namespaces yet") }
    }

    /// File systems that the guest's kernel makes out of nothing.
    private static let guestFileSystems: Set<String> = [
        "proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2",
    ]

    private static func checkMounts(_ mounts: [OCIMount]) throws(SpecificationError) {
        for mount in mounts {
            let isBind = mount.type == "bind" || mount.options.contains { $0 == "bind" || $0 == "rbind" }
            if isBind {
                throw .unsupported("bind mounts from the host yet (\(mount.source) at \(mount.destination))")
            }
            guard guestFileSystems.contains(mount.type) else {
                throw .unsupported("mounts of type \"\(mount.type)\" (at \(mount.destination))")
            }
        }
    }

    /// Hooks that run on the host would see a process that is not there; the one that runs in the container is kept.
    private static func checkHooks(_ hooks: OCIHooks) throws(SpecificationError) {
        for (name, list) in [
            ("prestart", hooks.prestart), ("createRuntime", hooks.createRuntime),
            ("createContainer", hooks.createContainer), ("poststart", hooks.poststart), ("poststop", hooks.poststop),
        ] {
            if let hook = list.first { throw .unsupported("host hooks yet (\(name): \(hook.path))") }
        }
    }
}
