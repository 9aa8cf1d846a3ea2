// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
//
// Every library and program of the repository, for those who import it by URL:
//
//     .package(url: "<this repository>", from: "<version>")
//     .product(name: "VMMemory", package: "<its last path component>")
//
// Who imports one product builds only that and what it stands on, and fetches nothing else. Each folder below is a
// package of its own as well, with its own manifest and tests; Tests/Tidy holds the two apart from drifting.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A Swift target of a package.
func swift(_ name: String, in folder: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "\(folder)/Sources/\(name)", swiftSettings: settings)
}

/// A program.
func program(_ name: String, in folder: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: "\(folder)/Sources/\(name)", swiftSettings: settings)
}

/// A package's tests. They are here so that one build and one process run them all.
func tests(_ name: String, in folder: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: "\(folder)/Tests/\(name)", swiftSettings: settings)
}

/// What a Swift target of the same package needs from C.
func c(_ name: String, in folder: String) -> Target {
    .target(name: name, path: "\(folder)/Sources/\(name)")
}

/// A library of the host.
func system(_ name: String, in folder: String) -> Target {
    .systemLibrary(name: name, path: "\(folder)/Sources/\(name)")
}

let targets: [Target] = [
    c("CVMMSysUtil", in: "Packages/vmm-sys-util"),
    swift("VMMSysUtil", in: "Packages/vmm-sys-util", ["CVMMSysUtil"]),
    tests("VMMSysUtilTests", in: "Packages/vmm-sys-util", ["VMMSysUtil"]),

    c("CVMMemory", in: "Packages/vm-memory"),
    swift("VMMemory", in: "Packages/vm-memory", ["CVMMemory", "VMMSysUtil"]),
    swift("VMMemoryTestSupport", in: "Packages/vm-memory", ["VMMemory"]),
    tests("VMMemoryTests", in: "Packages/vm-memory", ["VMMemory", "VMMemoryTestSupport", "VMMSysUtil"]),

    c("CKVMIoctls", in: "Packages/kvm-ioctls"),
    swift("KVMIoctls", in: "Packages/kvm-ioctls", ["CKVMIoctls", "VMMSysUtil"]),
    .target(name: "CKVMIoctlsABI", path: "Packages/kvm-ioctls/Tests/CKVMIoctlsABI"),
    tests("KVMIoctlsTests", in: "Packages/kvm-ioctls", ["KVMIoctls", "CKVMIoctlsABI", "VMMSysUtil"]),

    c("CEventManager", in: "Packages/event-manager"),
    swift("EventManager", in: "Packages/event-manager", ["CEventManager", "VMMSysUtil"]),
    tests("EventManagerTests", in: "Packages/event-manager", ["EventManager", "VMMSysUtil"]),

    swift("VMSuperIO", in: "Packages/vm-superio"),
    swift("VMSuperIOTestSupport", in: "Packages/vm-superio", ["VMSuperIO"]),
    tests("VMSuperIOTests", in: "Packages/vm-superio", ["VMSuperIO", "VMSuperIOTestSupport"]),

    swift("ACPITables", in: "Packages/acpi-tables"),
    tests("ACPITablesTests", in: "Packages/acpi-tables", ["ACPITables"]),

    swift("LinuxLoader", in: "Packages/linux-loader", ["VMMemory", "VMMSysUtil"]),
    system("CLZ4", in: "Packages/linux-loader"),
    system("CZlib", in: "Packages/linux-loader"),
    system("CLZMA", in: "Packages/linux-loader"),
    system("CZstd", in: "Packages/linux-loader"),
    swift(
        "LinuxLoaderCompression", in: "Packages/linux-loader", ["LinuxLoader", "CLZ4", "CZlib", "CLZMA", "CZstd"]),
    system("CFDT", in: "Packages/linux-loader"),
    swift("LinuxLoaderFDT", in: "Packages/linux-loader", ["LinuxLoader", "CFDT", "VMMemory"]),
    swift(
        "LinuxLoaderTestSupport", in: "Packages/linux-loader",
        ["LinuxLoader", "LinuxLoaderCompression", "VMMemory", "VMMSysUtil"]),
    tests(
        "LinuxLoaderTests", in: "Packages/linux-loader",
        ["LinuxLoader", "LinuxLoaderTestSupport", "VMMemory", "VMMSysUtil"]),
    tests(
        "LinuxLoaderCompressionTests", in: "Packages/linux-loader",
        ["LinuxLoader", "LinuxLoaderCompression", "LinuxLoaderTestSupport", "VMMemory", "VMMSysUtil"]),
    tests(
        "LinuxLoaderFDTTests", in: "Packages/linux-loader",
        ["LinuxLoader", "LinuxLoaderFDT", "LinuxLoaderTestSupport", "VMMemory"]),

    swift("VirtioQueue", in: "Packages/virtio-queue", ["VMMemory"]),
    swift("VirtioModel", in: "Packages/virtio-queue", ["VirtioQueue", "VMMemory", "VMMSysUtil"]),
    swift(
        "VirtioQueueTestSupport", in: "Packages/virtio-queue",
        ["VirtioQueue", "VirtioModel", "VMMemory", "VMMSysUtil"]),
    tests(
        "VirtioQueueTests", in: "Packages/virtio-queue", ["VirtioQueue", "VirtioQueueTestSupport", "VMMemory"]),
    tests(
        "VirtioModelTests", in: "Packages/virtio-queue",
        ["VirtioModel", "VirtioQueue", "VirtioQueueTestSupport", "VMMemory", "VMMSysUtil"]),

    c("CVirtioDevices", in: "Packages/virtio-devices"),
    swift(
        "VirtioDevices", in: "Packages/virtio-devices",
        ["CVirtioDevices", "VMMSysUtil", "VMMemory", "VirtioQueue", "VirtioModel"]),
    swift(
        "VirtioDevicesTestSupport", in: "Packages/virtio-devices",
        ["VirtioDevices", "VMMSysUtil", "VMMemory", "VirtioQueue", "VirtioModel", "VirtioQueueTestSupport"]),
    tests(
        "VirtioDevicesTests", in: "Packages/virtio-devices",
        [
            "VirtioDevices", "VirtioDevicesTestSupport", "VMMSysUtil", "VMMemory", "VirtioQueue", "VirtioModel",
            "VirtioQueueTestSupport",
        ]),

    c("CVsock", in: "Packages/vsock"),
    swift("Vsock", in: "Packages/vsock", ["CVsock", "VMMSysUtil", "VMMemory", "VirtioQueue", "VirtioModel"]),
    swift(
        "VsockTestSupport", in: "Packages/vsock",
        ["Vsock", "VMMSysUtil", "VMMemory", "VirtioQueue", "VirtioModel", "VirtioQueueTestSupport"]),
    tests(
        "VsockTests", in: "Packages/vsock",
        [
            "Vsock", "VsockTestSupport", "VMMSysUtil", "VMMemory", "VirtioQueue", "VirtioModel",
            "VirtioQueueTestSupport",
        ]),

    system("CSeccomp", in: "Packages/seccompiler"),
    c("CSeccompilerBPF", in: "Packages/seccompiler"),
    swift("SeccompilerBPF", in: "Packages/seccompiler", ["CSeccompilerBPF", "VMMSysUtil"]),
    swift("Seccompiler", in: "Packages/seccompiler", ["CSeccomp", "SeccompilerBPF", "VMMSysUtil"]),
    swift("SeccompilerCommand", in: "Packages/seccompiler", ["Seccompiler", "VMMSysUtil"]),
    program("SeccompilerProgram", in: "Packages/seccompiler", ["SeccompilerCommand"]),
    program("SeccompilerFilters", in: "Packages/seccompiler", ["Seccompiler", "VMMSysUtil"]),
    c("CSeccompilerProbe", in: "Packages/seccompiler"),
    swift(
        "SeccompilerTestSupport", in: "Packages/seccompiler", ["Seccompiler", "CSeccompilerProbe", "VMMSysUtil"]),
    .target(name: "CSeccompilerABI", path: "Packages/seccompiler/Tests/CSeccompilerABI"),
    tests(
        "SeccompilerTests", in: "Packages/seccompiler",
        ["Seccompiler", "SeccompilerCommand", "SeccompilerTestSupport", "CSeccompilerABI", "VMMSysUtil"]),

    system("CJansson", in: "Runtimes/swiftlet"),
    c("CTTRPC", in: "Packages/ttrpc"),
    swift("TTRPC", in: "Packages/ttrpc", ["CTTRPC", "VMMSysUtil"]),
    swift("TTRPCTestSupport", in: "Packages/ttrpc", ["TTRPC", "VMMSysUtil"]),
    tests("TTRPCTests", in: "Packages/ttrpc", ["TTRPC", "TTRPCTestSupport", "VMMSysUtil"]),

    swift(
        "SwiftletVMM", in: "Runtimes/swiftlet",
        [
            "CJansson", "VMMSysUtil", "VMMemory", "KVMIoctls", "EventManager", "VMSuperIO",
            "ACPITables", "LinuxLoader", "LinuxLoaderCompression", "VirtioQueue", "VirtioModel", "VirtioDevices",
            "Vsock", "SeccompilerBPF",
        ]),
    swift("SwiftletTestSupport", in: "Runtimes/swiftlet", ["SwiftletVMM"]),
    program("swiftlet", in: "Runtimes/swiftlet", ["SwiftletVMM", "VMMSysUtil", "VirtioDevices"]),
    tests(
        "SwiftletVMMTests", in: "Runtimes/swiftlet",
        [
            "SwiftletVMM", "SwiftletTestSupport", "LinuxLoaderTestSupport", "VirtioDevices",
            "VirtioDevicesTestSupport", "Vsock", "VsockTestSupport", "VMMSysUtil", "SeccompilerBPF",
        ]),
    tests(
        "SwiftletSandboxTests", in: "Runtimes/swiftlet",
        ["SwiftletVMM", "Seccompiler", "SeccompilerTestSupport", "VMMSysUtil"]),
]

let libraries = [
    "VMMSysUtil", "VMMemory", "VMMemoryTestSupport", "KVMIoctls", "EventManager", "VMSuperIO", "VMSuperIOTestSupport",
    "ACPITables", "LinuxLoader", "LinuxLoaderCompression", "LinuxLoaderFDT", "LinuxLoaderTestSupport",
    "VirtioQueue", "VirtioModel", "VirtioQueueTestSupport", "VirtioDevices", "VirtioDevicesTestSupport",
    "Vsock", "VsockTestSupport", "Seccompiler", "SeccompilerBPF", "SeccompilerTestSupport", "TTRPC", "TTRPCTestSupport",
    "SwiftletVMM", "SwiftletTestSupport",
]

var products: [Product] = [
    .executable(name: "swiftlet", targets: ["swiftlet"]),
    .executable(name: "seccompiler", targets: ["SeccompilerProgram"]),
]
for name in libraries { products.append(.library(name: name, targets: [name])) }

let package = Package(name: "VMM", products: products, targets: targets)
