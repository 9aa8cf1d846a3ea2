// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let siblings: [Target.Dependency] = [
    .product(name: "VMMSysUtil", package: "vmm-sys-util"),
    .product(name: "VMMemory", package: "vm-memory"),
    .product(name: "VirtioQueue", package: "virtio-queue"),
    .product(name: "VirtioModel", package: "virtio-queue"),
]
let driverSide: [Target.Dependency] = [.product(name: "VirtioQueueTestSupport", package: "virtio-queue")]

let package = Package(
    name: "virtio-devices",
    products: [
        .library(name: "VirtioDevices", targets: ["VirtioDevices"]),
        .library(name: "VirtioDevicesTestSupport", targets: ["VirtioDevicesTestSupport"]),
    ],
    dependencies: [
        .package(path: "../vmm-sys-util"),
        .package(path: "../vm-memory"),
        .package(path: "../virtio-queue"),
    ],
    targets: [
        .target(name: "CVirtioDevices"),
        .target(name: "VirtioDevices", dependencies: ["CVirtioDevices"] + siblings, swiftSettings: settings),
        .target(
            name: "VirtioDevicesTestSupport", dependencies: ["VirtioDevices"] + siblings + driverSide,
            swiftSettings: settings),
        .testTarget(
            name: "VirtioDevicesTests",
            dependencies: ["VirtioDevices", "VirtioDevicesTestSupport"] + siblings + driverSide,
            swiftSettings: settings),
    ]
)
