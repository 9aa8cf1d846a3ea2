// SPDX-License-Identifier: Apache-2.0

/// `PUT /machine-config`: CPUs and memory.
public struct MachineSettings: JSONRecord {
    /// What guest memory is made of.
    public enum HugePages: String, CaseIterable, Sendable {
        /// Nothing of the host's reserve.
        case none = "None"
        /// The same, in large pieces where the host has them.
        case transparent = "Transparent"
        /// 2 MiB pages of the host's reserve.
        case reserved2M = "2M"
    }

    /// Virtual CPUs.
    public var vcpuCount: UInt8 = 1
    /// Guest memory.
    public var memorySizeMiB: UInt64 = 128
    /// What guest memory is made of.
    public var hugePages = HugePages.none

    /// What holds when nothing is said.
    public init() {}

    /// Takes the fields of the body.
    public init(from fields: inout JSONFields) throws(JSONFault) {
        let change = try MachineSettingsChange(from: &fields)
        guard let vcpuCount = change.vcpuCount else { throw .missing(field: "vcpu_count") }
        guard let memorySizeMiB = change.memorySizeMiB else { throw .missing(field: "mem_size_mib") }
        self.vcpuCount = vcpuCount
        self.memorySizeMiB = memorySizeMiB
        hugePages = change.hugePages ?? .none
    }

    /// As `GET /machine-config` shows it.
    public var json: JSONValue {
        .object([
            .init("vcpu_count", .integer(Int64(vcpuCount))),
            .init("mem_size_mib", .integer(Int64(clamping: memorySizeMiB))), .init("smt", .bool(false)),
            .init("track_dirty_pages", .bool(false)), .init("huge_pages", .string(hugePages.rawValue)),
        ])
    }

    /// Puts in what a change names.
    func applying(_ change: MachineSettingsChange) -> MachineSettings {
        var result = self
        if let count = change.vcpuCount { result.vcpuCount = count }
        if let size = change.memorySizeMiB { result.memorySizeMiB = size }
        if let pages = change.hugePages { result.hugePages = pages }
        return result
    }

    /// Checks the numbers.
    func check() throws(ConfigError) {
        guard (1...Self.vcpuLimit).contains(vcpuCount) else { throw .machineConfig(.vcpuCount) }
        guard (1...Self.memoryLimitMiB).contains(memorySizeMiB) else { throw .machineConfig(.memorySize) }
    }

    /// The interface's own limit; `swiftlet run` goes further.
    static let vcpuLimit: UInt8 = 32
    /// 1 TiB.
    static let memoryLimitMiB: UInt64 = 1 << 20

    /// Numbers out of range.
    public enum Fault: Error, Equatable, Sendable, CustomStringConvertible {
        /// Not 1 to 32.
        case vcpuCount
        /// 0, or more than 1 TiB.
        case memorySize

        /// One line.
        public var description: String {
            switch self {
            case .vcpuCount:
                "The number of vCPUs must be greater than 0, less than \(MachineSettings.vcpuLimit) and must be 1 or an even number if SMT is enabled."
            case .memorySize: "The memory size (MiB) is either 0, or not a multiple of the configured page size."
            }
        }
    }
}

/// `PATCH /machine-config`.
struct MachineSettingsChange: JSONRecord {
    var vcpuCount: UInt8?
    var memorySizeMiB: UInt64?
    var hugePages: MachineSettings.HugePages?
    private var namesOthers = false

    /// Whether nothing is to be changed.
    var isEmpty: Bool { vcpuCount == nil && memorySizeMiB == nil && hugePages == nil && !namesOthers }

    init(from fields: inout JSONFields) throws(JSONFault) {
        vcpuCount = try fields.integer("vcpu_count", as: UInt8.self)
        memorySizeMiB = try fields.integer("mem_size_mib", as: UInt64.self)
        for name in ["smt", "track_dirty_pages"] {
            guard let value = try fields.bool(name) else { continue }
            if value { throw .notYet(field: name) }
            namesOthers = true
        }
        if let template = try fields.string("cpu_template") {
            if template != "None" { throw .notYet(field: "cpu_template") }
            namesOthers = true
        }
        hugePages = try fields.word("huge_pages", as: MachineSettings.HugePages.self)
        if hugePages == .reserved2M { throw .notYet(field: "huge_pages") }
    }

    var json: JSONValue { .object([]) }
}
