// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "virtio-devices-benchmarks",
    dependencies: [
        .package(path: ".."),
        .package(path: "../../vmm-sys-util"),
        .package(path: "../../vm-memory"),
        .package(path: "../../virtio-queue"),
    ],
    targets: [
        .target(name: "CBaseline"),
        .executableTarget(
            name: "DeviceBenchmarks",
            dependencies: [
                "CBaseline",
                .product(name: "VirtioDevices", package: "virtio-devices"),
                .product(name: "VirtioDevicesTestSupport", package: "virtio-devices"),
                .product(name: "VMMSysUtil", package: "vmm-sys-util"),
                .product(name: "VMMemory", package: "vm-memory"),
                .product(name: "VirtioModel", package: "virtio-queue"),
                .product(name: "VirtioQueue", package: "virtio-queue"),
                .product(name: "VirtioQueueTestSupport", package: "virtio-queue"),
            ],
            swiftSettings: settings),
    ]
)
