// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols

extension OCILinuxResources {
    /// The `linux.resources` of a `config.json`, and what `crun update --resources` takes. In the messages a zero is
    /// "not given"; where a zero limit is meant, the host has no container to run.
    var json: JSONMembers {
        var json = JSONMembers()
        json.add("devices", devices.map(\.json))
        if hasMemory { json.add("memory", memory.json) }
        if hasCpu { json.add("cpu", cpu.json) }
        if hasPids, pids.limit != 0 {
            var limit = JSONMembers()
            limit.always("limit", .signed(pids.limit))
            json.always("pids", limit.object)
        }
        if hasBlockIo { json.add("blockIO", blockIo.json) }
        json.add(
            "hugepageLimits",
            hugepageLimits.map { limit in
                var json = JSONMembers()
                json.always("pageSize", .string(limit.pageSize))
                json.always("limit", .unsigned(limit.limit))
                return json.object
            })
        json.add("unified", unified)
        return json
    }
}

extension OCILinuxDeviceCgroup {
    fileprivate var json: JSONValue {
        var json = JSONMembers()
        json.always("allow", .bool(allow))
        json.add("type", type)
        // No device has the major number 0: it, like -1, is any.
        if type == "c" || type == "b", major > 0 {
            json.always("major", .signed(major))
            if minor >= 0 { json.always("minor", .signed(minor)) }
        }
        json.add("access", access)
        return json.object
    }
}

extension OCILinuxMemory {
    fileprivate var json: JSONMembers {
        var json = JSONMembers()
        json.add("limit", limit)
        json.add("reservation", reservation)
        json.add("swap", swap)
        json.add("disableOOMKiller", disableOomKiller)
        return json
    }
}

extension OCILinuxCPU {
    fileprivate var json: JSONMembers {
        var json = JSONMembers()
        json.add("shares", shares)
        json.add("quota", quota)
        json.add("period", period)
        json.add("realtimeRuntime", realtimeRuntime)
        json.add("realtimePeriod", realtimePeriod)
        json.add("cpus", cpus)
        json.add("mems", mems)
        return json
    }
}

extension OCILinuxBlockIO {
    fileprivate var json: JSONMembers {
        var json = JSONMembers()
        json.add("weight", weight)
        json.add("leafWeight", leafWeight)
        json.add(
            "weightDevice",
            weightDevice.map { device in
                var json = JSONMembers()
                json.always("major", .signed(device.major))
                json.always("minor", .signed(device.minor))
                json.add("weight", device.weight)
                json.add("leafWeight", device.leafWeight)
                return json.object
            })
        json.add("throttleReadBpsDevice", throttleReadBpsDevice.map(\.json))
        json.add("throttleWriteBpsDevice", throttleWriteBpsDevice.map(\.json))
        json.add("throttleReadIOPSDevice", throttleReadIopsDevice.map(\.json))
        json.add("throttleWriteIOPSDevice", throttleWriteIopsDevice.map(\.json))
        return json
    }
}

extension OCILinuxThrottleDevice {
    fileprivate var json: JSONValue {
        var json = JSONMembers()
        json.always("major", .signed(major))
        json.always("minor", .signed(minor))
        json.always("rate", .unsigned(rate))
        return json.object
    }
}
