// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols

extension OCISpec {
    /// The text of a bundle's `config.json`.
    ///
    /// - Parameter cgroup: where the container's processes are put, below the root of the hierarchy. What the host says
    ///   is the host's.
    func json(cgroup: String) -> JSONValue {
        var json = JSONMembers()
        json.always("ociVersion", .string(version.isEmpty ? "1.0.2" : version))
        if hasProcess { json.always("process", process.json) }
        var root = JSONMembers()
        root.always("path", .string(hasRoot ? self.root.path : "rootfs"))
        root.add("readonly", self.root.readonly)
        json.always("root", root.object)
        json.add("hostname", hostname)
        json.add("mounts", mounts.map(\.json))
        if hasHooks { json.add("hooks", hooks.json) }
        json.add("annotations", annotations)
        json.always("linux", linux.json(cgroup: cgroup))
        return json.object
    }
}

extension OCIMount {
    fileprivate var json: JSONValue {
        var json = JSONMembers()
        json.always("destination", .string(destination))
        json.add("type", type)
        json.add("source", source)
        json.add("options", options)
        return json.object
    }
}

extension OCIHooks {
    fileprivate var json: JSONMembers {
        var json = JSONMembers()
        json.add("prestart", prestart.map(\.json))
        json.add("createRuntime", createRuntime.map(\.json))
        json.add("createContainer", createContainer.map(\.json))
        json.add("startContainer", startContainer.map(\.json))
        json.add("poststart", poststart.map(\.json))
        json.add("poststop", poststop.map(\.json))
        return json
    }
}

extension OCIHook {
    fileprivate var json: JSONValue {
        var json = JSONMembers()
        json.always("path", .string(path))
        json.add("args", args)
        json.add("env", env)
        json.add("timeout", timeout)
        return json.object
    }
}

extension OCILinux {
    fileprivate func json(cgroup: String) -> JSONValue {
        var json = JSONMembers()
        json.add("uidMappings", uidMappings.map(\.json))
        json.add("gidMappings", gidMappings.map(\.json))
        json.add("sysctl", sysctl)
        if hasResources { json.add("resources", resources.json) }
        json.always("cgroupsPath", .string(cgroup))
        json.add("namespaces", namespaces.map(\.json))
        json.add("devices", devices.map(\.json))
        if hasSeccomp { json.always("seccomp", seccomp.json) }
        json.add("rootfsPropagation", rootfsPropagation)
        json.add("maskedPaths", maskedPaths)
        json.add("readonlyPaths", readonlyPaths)
        json.add("mountLabel", mountLabel)
        return json.object
    }
}

extension OCILinuxIDMapping {
    fileprivate var json: JSONValue {
        var json = JSONMembers()
        json.always("hostID", .unsigned(UInt64(hostID)))
        json.always("containerID", .unsigned(UInt64(containerID)))
        json.always("size", .unsigned(UInt64(size)))
        return json.object
    }
}

extension OCILinuxNamespace {
    fileprivate var json: JSONValue {
        var json = JSONMembers()
        json.always("type", .string(type))
        json.add("path", path)
        return json.object
    }
}

extension OCILinuxDevice {
    fileprivate var json: JSONValue {
        var json = JSONMembers()
        json.always("path", .string(path))
        json.always("type", .string(type))
        // A FIFO has no numbers; a device has them even where they are zero.
        if type != "p" {
            json.always("major", .signed(major))
            json.always("minor", .signed(minor))
        }
        json.add("fileMode", fileMode)
        json.always("uid", .unsigned(UInt64(uid)))
        json.always("gid", .unsigned(UInt64(gid)))
        return json.object
    }
}

extension OCILinuxSeccomp {
    fileprivate var json: JSONValue {
        var json = JSONMembers()
        json.always("defaultAction", .string(defaultAction))
        json.add("architectures", architectures)
        json.add("flags", flags)
        json.add("syscalls", syscalls.map(\.json))
        return json.object
    }
}

extension OCILinuxSyscall {
    fileprivate var json: JSONValue {
        var json = JSONMembers()
        json.always("names", .array(names.map { .string($0) }))
        json.always("action", .string(action))
        if hasErrnoRet { json.always("errnoRet", .unsigned(UInt64(errnoRet))) }
        json.add(
            "args",
            args.map { argument in
                // Zero is as good a value as any other here.
                var json = JSONMembers()
                json.always("index", .unsigned(argument.index))
                json.always("value", .unsigned(argument.value))
                json.always("valueTwo", .unsigned(argument.valueTwo))
                json.always("op", .string(argument.op))
                return json.object
            })
        return json.object
    }
}
