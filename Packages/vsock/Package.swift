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
    name: "vsock",
    products: [
        .library(name: "Vsock", targets: ["Vsock"]),
        .library(name: "VsockTestSupport", targets: ["VsockTestSupport"]),
    ],
    dependencies: [
        .package(path: "../vmm-sys-util"),
        .package(path: "../vm-memory"),
        .package(path: "../virtio-queue"),
    ],
    targets: [
        .target(name: "CVsock"),
        .target(name: "Vsock", dependencies: ["CVsock"] + siblings, swiftSettings: settings),
        .target(
            name: "VsockTestSupport", dependencies: ["Vsock"] + siblings + driverSide, swiftSettings: settings),
        .testTarget(
            name: "VsockTests", dependencies: ["Vsock", "VsockTestSupport"] + siblings + driverSide,
            swiftSettings: settings),
    ]
)
