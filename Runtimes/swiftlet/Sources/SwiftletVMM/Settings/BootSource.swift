// SPDX-License-Identifier: Apache-2.0

/// `PUT /boot-source`.
public struct BootSource: JSONRecord {
    /// The kernel's file.
    public var kernelImagePath = ""
    /// The initial RAM file system's.
    public var initrdPath: String?
    /// The whole kernel command line; nil for `MachineConfig.defaultCommandLine`.
    public var bootArguments: String?

    /// None yet.
    public init() {}

    /// Takes the fields of the body.
    public init(from fields: inout JSONFields) throws(JSONFault) {
        kernelImagePath = try fields.requiredString("kernel_image_path")
        initrdPath = try fields.string("initrd_path")
        bootArguments = try fields.string("boot_args")
    }

    /// As `GET /vm/config` shows it.
    public var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("kernel_image_path", .string(kernelImagePath)), .init("initrd_path", JSONValue(initrdPath)),
        ]
        if let bootArguments { members.append(.init("boot_args", .string(bootArguments))) }
        return .object(members)
    }

    /// Tells now what would fail at the start.
    func check() throws(ConfigError) {
        do throws(MachineError) {
            _ = try openFile(kernelImagePath, role: "kernel")
            if let initrdPath { _ = try openFile(initrdPath, role: "initrd") }
            try KernelBoot.check(commandLine: bootArguments ?? "")
        } catch {
            throw .bootSource(error)
        }
    }
}
