// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
//
// Programs that need several packages. An example of one package is in its README.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "Examples",
    dependencies: [
        .package(path: "../Packages/kvm-ioctls"),
        .package(path: "../Packages/linux-loader"),
        .package(path: "../Packages/virtio-devices"),
        .package(path: "../Packages/virtio-queue"),
        .package(path: "../Packages/vm-memory"),
        .package(path: "../Packages/vmm-sys-util"),
        .package(path: "../Packages/vsock"),
    ],
    targets: [
        .executableTarget(
            name: "TinyVMM",
            dependencies: [
                .product(name: "KVMIoctls", package: "kvm-ioctls"),
                .product(name: "LinuxLoader", package: "linux-loader"),
                .product(name: "LinuxLoaderCompression", package: "linux-loader"),
                .product(name: "VMMemory", package: "vm-memory"),
                .product(name: "VMMSysUtil", package: "vmm-sys-util"),
            ], path: "TinyVMM", swiftSettings: settings),
        .executableTarget(
            name: "AddingDevice",
            dependencies: [
                .product(name: "VirtioDevicesTestSupport", package: "virtio-devices"),
                .product(name: "VirtioModel", package: "virtio-queue"),
                .product(name: "VirtioQueue", package: "virtio-queue"),
                .product(name: "VirtioQueueTestSupport", package: "virtio-queue"),
            ], path: "AddingDevice", swiftSettings: settings),
        // The example of vsock's README, so that it runs with the others.
        .executableTarget(
            name: "Echo",
            dependencies: [
                .product(name: "Vsock", package: "vsock"), .product(name: "VsockTestSupport", package: "vsock"),
            ], path: "Echo", swiftSettings: settings),
    ]
)
