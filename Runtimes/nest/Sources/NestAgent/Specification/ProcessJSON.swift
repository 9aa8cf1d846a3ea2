// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols

extension OCIProcess {
    /// The `process` of a `config.json`, and the file that `crun exec --process` takes.
    var json: JSONValue {
        var json = JSONMembers()
        json.add("terminal", terminal)
        if hasConsoleSize {
            var size = JSONMembers()
            size.always("height", .unsigned(UInt64(consoleSize.height)))
            size.always("width", .unsigned(UInt64(consoleSize.width)))
            json.always("consoleSize", size.object)
        }
        var user = JSONMembers()
        user.always("uid", .unsigned(UInt64(self.user.uid)))
        user.always("gid", .unsigned(UInt64(self.user.gid)))
        user.add("additionalGids", self.user.additionalGids.map { .unsigned(UInt64($0)) })
        if self.user.hasUmask { user.always("umask", .unsigned(UInt64(self.user.umask))) }
        json.always("user", user.object)
        json.always("args", .array(args.map { .string($0) }))
        json.add("env", env)
        json.always("cwd", .string(cwd.isEmpty ? "/" : cwd))
        if hasCapabilities {
            // An empty set is not the same as none named: it takes every capability away.
            var sets = JSONMembers()
            sets.always("bounding", .array(capabilities.bounding.map { .string($0) }))
            sets.always("effective", .array(capabilities.effective.map { .string($0) }))
            sets.always("inheritable", .array(capabilities.inheritable.map { .string($0) }))
            sets.always("permitted", .array(capabilities.permitted.map { .string($0) }))
            sets.always("ambient", .array(capabilities.ambient.map { .string($0) }))
            json.always("capabilities", sets.object)
        }
        json.add(
            "rlimits",
            rlimits.map { limit in
                var json = JSONMembers()
                json.always("type", .string(limit.type))
                json.always("hard", .unsigned(limit.hard))
                json.always("soft", .unsigned(limit.soft))
                return json.object
            })
        json.always("noNewPrivileges", .bool(noNewPrivileges))
        json.add("apparmorProfile", apparmorProfile)
        json.always("oomScoreAdj", .signed(oomScoreAdj))
        json.add("selinuxLabel", selinuxLabel)
        return json.object
    }
}
