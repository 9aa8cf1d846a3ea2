// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "swiftlet",
    products: [
        .library(name: "SwiftletVMM", targets: ["SwiftletVMM"]),
        .library(name: "SwiftletTestSupport", targets: ["SwiftletTestSupport"]),
        .executable(name: "swiftlet", targets: ["swiftlet"]),
    ],
    dependencies: [
        .package(path: "../../Packages/vmm-sys-util"),
        .package(path: "../../Packages/vm-memory"),
        .package(path: "../../Packages/kvm-ioctls"),
        .package(path: "../../Packages/event-manager"),
        .package(path: "../../Packages/vm-superio"),
        .package(path: "../../Packages/acpi-tables"),
        .package(path: "../../Packages/linux-loader"),
        .package(path: "../../Packages/virtio-queue"),
        .package(path: "../../Packages/virtio-devices"),
        .package(path: "../../Packages/vsock"),
        .package(path: "../../Packages/seccompiler"),
    ],
    targets: [
        .systemLibrary(name: "CJansson"),
        .target(
            name: "SwiftletVMM",
            dependencies: [
                "CJansson",
                .product(name: "VMMSysUtil", package: "vmm-sys-util"),
                .product(name: "VMMemory", package: "vm-memory"),
                .product(name: "KVMIoctls", package: "kvm-ioctls"),
                .product(name: "EventManager", package: "event-manager"),
                .product(name: "VMSuperIO", package: "vm-superio"),
                .product(name: "ACPITables", package: "acpi-tables"),
                .product(name: "LinuxLoader", package: "linux-loader"),
                .product(name: "LinuxLoaderCompression", package: "linux-loader"),
                .product(name: "VirtioQueue", package: "virtio-queue"),
                .product(name: "VirtioModel", package: "virtio-queue"),
                .product(name: "VirtioDevices", package: "virtio-devices"),
                .product(name: "Vsock", package: "vsock"),
                .product(name: "SeccompilerBPF", package: "seccompiler"),
            ],
            swiftSettings: settings
        ),
        .target(name: "SwiftletTestSupport", dependencies: ["SwiftletVMM"], swiftSettings: settings),
        .executableTarget(
            name: "swiftlet",
            dependencies: [
                "SwiftletVMM",
                .product(name: "VMMSysUtil", package: "vmm-sys-util"),
                .product(name: "VirtioDevices", package: "virtio-devices"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "SwiftletVMMTests",
            dependencies: [
                "SwiftletVMM",
                "SwiftletTestSupport",
                .product(name: "LinuxLoaderTestSupport", package: "linux-loader"),
                .product(name: "VMMSysUtil", package: "vmm-sys-util"),
                .product(name: "VirtioDevices", package: "virtio-devices"),
                .product(name: "VirtioDevicesTestSupport", package: "virtio-devices"),
                .product(name: "Vsock", package: "vsock"),
                .product(name: "VsockTestSupport", package: "vsock"),
                .product(name: "SeccompilerBPF", package: "seccompiler"),
            ],
            swiftSettings: settings),
        // They fork children, which other tests should not have beside them.
        .testTarget(
            name: "SwiftletSandboxTests",
            dependencies: [
                "SwiftletVMM",
                .product(name: "Seccompiler", package: "seccompiler"),
                .product(name: "SeccompilerTestSupport", package: "seccompiler"),
                .product(name: "VMMSysUtil", package: "vmm-sys-util"),
            ],
            swiftSettings: settings),
    ]
)
