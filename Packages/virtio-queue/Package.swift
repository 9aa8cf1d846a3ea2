// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let memory: Target.Dependency = .product(name: "VMMemory", package: "vm-memory")
let sysUtil: Target.Dependency = .product(name: "VMMSysUtil", package: "vmm-sys-util")

let package = Package(
    name: "virtio-queue",
    products: [
        .library(name: "VirtioQueue", targets: ["VirtioQueue"]),
        .library(name: "VirtioModel", targets: ["VirtioModel"]),
        .library(name: "VirtioQueueTestSupport", targets: ["VirtioQueueTestSupport"]),
    ],
    dependencies: [
        .package(path: "../vm-memory"),
        .package(path: "../vmm-sys-util"),
    ],
    targets: [
        .target(name: "VirtioQueue", dependencies: [memory], swiftSettings: settings),
        .target(name: "VirtioModel", dependencies: ["VirtioQueue", memory, sysUtil], swiftSettings: settings),
        .target(
            name: "VirtioQueueTestSupport", dependencies: ["VirtioQueue", "VirtioModel", memory, sysUtil],
            swiftSettings: settings),
        .testTarget(
            name: "VirtioQueueTests", dependencies: ["VirtioQueue", "VirtioQueueTestSupport", memory],
            swiftSettings: settings),
        .testTarget(
            name: "VirtioModelTests",
            dependencies: ["VirtioModel", "VirtioQueue", "VirtioQueueTestSupport", memory, sysUtil],
            swiftSettings: settings),
    ]
)
