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

func swift(_ name: String, in folder: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "\(folder)/Sources/\(name)", swiftSettings: settings)
}

func program(_ name: String, in folder: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: "\(folder)/Sources/\(name)", swiftSettings: settings)
}

func c(_ name: String, in folder: String) -> Target {
    .target(name: name, path: "\(folder)/Sources/\(name)")
}

func system(_ name: String, in folder: String) -> Target {
    .systemLibrary(name: name, path: "\(folder)/Sources/\(name)")
}

var targets: [Target] = [
    c("CVMMSysUtil", in: "Packages/vmm-sys-util"),
    swift("VMMSysUtil", in: "Packages/vmm-sys-util", ["CVMMSysUtil"]),

    c("CVMMemory", in: "Packages/vm-memory"),
    swift("VMMemory", in: "Packages/vm-memory", ["CVMMemory", "VMMSysUtil"]),
    swift("VMMemoryTestSupport", in: "Packages/vm-memory", ["VMMemory"]),

    c("CKVMIoctls", in: "Packages/kvm-ioctls"),
    swift("KVMIoctls", in: "Packages/kvm-ioctls", ["CKVMIoctls", "VMMSysUtil"]),

    c("CEventManager", in: "Packages/event-manager"),
    swift("EventManager", in: "Packages/event-manager", ["CEventManager", "VMMSysUtil"]),

    swift("VMSuperIO", in: "Packages/vm-superio"),
    swift("ACPITables", in: "Packages/acpi-tables"),

    swift("LinuxLoader", in: "Packages/linux-loader", ["VMMemory", "VMMSysUtil"]),
    system("CLZ4", in: "Packages/linux-loader"),
    system("CZlib", in: "Packages/linux-loader"),
    system("CLZMA", in: "Packages/linux-loader"),
    system("CZstd", in: "Packages/linux-loader"),
    swift(
        "LinuxLoaderCompression", in: "Packages/linux-loader", ["LinuxLoader", "CLZ4", "CZlib", "CLZMA", "CZstd"]),
    swift(
        "LinuxLoaderTestSupport", in: "Packages/linux-loader",
        ["LinuxLoader", "LinuxLoaderCompression", "VMMemory", "VMMSysUtil"]),

    swift("VirtioQueue", in: "Packages/virtio-queue", ["VMMemory"]),
    swift("VirtioModel", in: "Packages/virtio-queue", ["VirtioQueue", "VMMemory", "VMMSysUtil"]),
    swift(
        "VirtioQueueTestSupport", in: "Packages/virtio-queue",
        ["VirtioQueue", "VirtioModel", "VMMemory", "VMMSysUtil"]),

    c("CVirtioDevices", in: "Packages/virtio-devices"),
    swift(
        "VirtioDevices", in: "Packages/virtio-devices",
        ["CVirtioDevices", "VMMSysUtil", "VMMemory", "VirtioQueue", "VirtioModel"]),
    swift(
        "VirtioDevicesTestSupport", in: "Packages/virtio-devices",
        ["VirtioDevices", "VMMSysUtil", "VMMemory", "VirtioQueue", "VirtioModel", "VirtioQueueTestSupport"]),
]

let libraries = [
    "VMMSysUtil", "VMMemory", "VMMemoryTestSupport", "KVMIoctls", "EventManager", "VMSuperIO", "ACPITables",
    "LinuxLoader", "LinuxLoaderCompression", "LinuxLoaderTestSupport",
    "VirtioQueue", "VirtioModel", "VirtioQueueTestSupport", "VirtioDevices", "VirtioDevicesTestSupport",
]

var products: [Product] = []
for name in libraries { products.append(.library(name: name, targets: [name])) }

let package = Package(name: "swift-virt", products: products, targets: targets)
