// SPDX-License-Identifier: Apache-2.0

/// Makes filters of a policy's JSON.
///
/// ```
/// { "vcpu": { "default_action": "trap", "filter_action": "allow",
///             "filter": [ { "syscall": "ioctl", "comment": "runs the guest", "action": {"errno": "EPERM"},
///                           "args": [ {"index": 1, "type": "dword", "op": "eq", "val": "KVM_RUN"} ] } ] } }
/// ```
struct PolicyReader {
    let architecture: Architecture

    func policy(_ node: JSONNode) throws(PolicyError) -> [Policy.Entry] {
        guard case .object(let members) = node.value else { throw wrongType(node, "an object of filters") }
        var entries: [Policy.Entry] = []
        for member in members { entries.append(Policy.Entry(name: member.key, filter: try filter(member.node))) }
        return entries
    }

    private func filter(_ node: JSONNode) throws(PolicyError) -> Filter {
        let object = try Object(
            node, keys: ["default_action", "mismatch_action", "filter_action", "match_action", "filter"])
        let defaultAction = try action(object.required("default_action", or: "mismatch_action"))
        let matchAction = try action(object.required("filter_action", or: "match_action"))
        let list = try object.required("filter")
        guard case .array(let nodes) = list.value else { throw wrongType(list, "an array of rules") }
        var rules: [Rule] = []
        for node in nodes { rules.append(try rule(node)) }
        do throws(FilterError) {
            return try Filter(
                architecture: architecture, defaultAction: defaultAction, matchAction: matchAction, rules: rules)
        } catch {
            throw PolicyError(node.position, .filter(error.description))
        }
    }

    private func rule(_ node: JSONNode) throws(PolicyError) -> Rule {
        let object = try Object(node, keys: ["syscall", "args", "action", "comment"])
        let nameNode = try object.required("syscall")
        let name = try string(nameNode)
        guard architecture.syscallNumber(name) != nil else {
            throw PolicyError(nameNode.position, .filter(FilterError.unknownSyscall(name, architecture).description))
        }
        if let comment = object["comment"] { _ = try string(comment) }
        var conditions: [Condition] = []
        if let args = object["args"] {
            guard case .array(let nodes) = args.value else { throw wrongType(args, "an array of conditions") }
            guard !nodes.isEmpty else { throw PolicyError(args.position, .noConditions) }
            for node in nodes { conditions.append(try condition(node)) }
        }
        var own: Action?
        if let node = object["action"] { own = try action(node) }
        return Rule(name, conditions, action: own, line: node.position.line)
    }

    private func condition(_ node: JSONNode) throws(PolicyError) -> Condition {
        let object = try Object(node, keys: ["index", "type", "op", "val", "comment"])
        if let comment = object["comment"] { _ = try string(comment) }
        let indexNode = try object.required("index")
        guard case .integer(let index) = indexNode.value else { throw wrongType(indexNode, "a number") }
        guard let argument = Int(exactly: index), argument < SystemCall.argumentCount else {
            throw PolicyError(indexNode.position, .argumentIndex(index))
        }
        let widthNode = try object.required("type")
        let widthName = try string(widthNode)
        guard let width = ArgumentWidth(rawValue: widthName) else {
            throw PolicyError(widthNode.position, .unknownWidth(widthName))
        }
        let comparison = try comparison(object.required("op"))
        let valueNode = try object.required("val")
        let value = try number(valueNode)
        if let condition = Condition(argument: argument, width: width, comparison: comparison, value: value) {
            return condition
        }
        if case .maskedEqual(let mask) = comparison, mask > UInt64(UInt32.max) {
            throw PolicyError(try object.required("op").position, .valueTooWide(mask))
        }
        throw PolicyError(valueNode.position, .valueTooWide(value))
    }

    private func comparison(_ node: JSONNode) throws(PolicyError) -> Comparison {
        if case .object = node.value {
            let (name, mask) = try onlyMember(node)
            guard name == "masked_eq" else { throw PolicyError(node.position, .unknownOperator(name)) }
            return .maskedEqual(mask: try number(mask))
        }
        let name = try string(node)
        switch name {
        case "eq": return .equal
        case "ne": return .notEqual
        case "lt": return .less
        case "le": return .lessOrEqual
        case "gt": return .greater
        case "ge": return .greaterOrEqual
        default: throw PolicyError(node.position, .unknownOperator(name))
        }
    }

    private func action(_ node: JSONNode) throws(PolicyError) -> Action {
        if case .object = node.value {
            let (name, valueNode) = try onlyMember(node)
            guard name == "errno" || name == "trace" else { throw PolicyError(node.position, .unknownAction(name)) }
            let value = try number(valueNode)
            guard let data = UInt16(exactly: value) else { throw PolicyError(valueNode.position, .actionValue(value)) }
            guard name == "errno" else { return .trace(data) }
            guard data <= Action.errnoMax else {
                throw PolicyError(valueNode.position, .filter(FilterError.errnoTooLarge(data).description))
            }
            return .errno(data)
        }
        let name = try string(node)
        switch name {
        case "allow": return .allow
        case "log": return .log
        case "trap": return .trap
        case "user_notif": return .notify
        case "kill_thread": return .killThread
        case "kill_process": return .killProcess
        default: throw PolicyError(node.position, .unknownAction(name))
        }
    }

    /// A number, or names of constants joined with `|`.
    private func number(_ node: JSONNode) throws(PolicyError) -> UInt64 {
        switch node.value {
        case .integer(let value): return value
        case .string(let text):
            guard let value = architecture.constant(text) else {
                throw PolicyError(node.position, .unknownConstant(text))
            }
            return value
        default: throw wrongType(node, "a number or a constant's name")
        }
    }

    private func string(_ node: JSONNode) throws(PolicyError) -> String {
        guard case .string(let text) = node.value else { throw wrongType(node, "a string") }
        return text
    }

    private func onlyMember(_ node: JSONNode) throws(PolicyError) -> (String, JSONNode) {
        guard case .object(let members) = node.value else { throw wrongType(node, "an object") }
        guard members.count == 1, let member = members.first else {
            throw PolicyError(node.position, .notOneMember(members.count))
        }
        return (member.key, member.node)
    }
}

private func wrongType(_ node: JSONNode, _ expected: String) -> PolicyError {
    PolicyError(node.position, .wrongType(expected: expected, found: node.kind))
}

/// An object that has none but the keys it may have.
private struct Object {
    private let members: [(key: String, position: SourcePosition, node: JSONNode)]
    private let position: SourcePosition

    init(_ node: JSONNode, keys: [String]) throws(PolicyError) {
        guard case .object(let members) = node.value else { throw wrongType(node, "an object") }
        for member in members where !keys.contains(member.key) {
            throw PolicyError(member.position, .unknownKey(member.key))
        }
        self.members = members
        position = node.position
    }

    subscript(key: String) -> JSONNode? { members.first { $0.key == key }?.node }

    func required(_ key: String, or other: String? = nil) throws(PolicyError) -> JSONNode {
        let second = other.flatMap { self[$0] }
        if let first = self[key] {
            if let other, second != nil { throw PolicyError(position, .twoSpellings(key, other)) }
            return first
        }
        guard let second else { throw PolicyError(position, .missingKey(key)) }
        return second
    }
}
