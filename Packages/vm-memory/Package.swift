// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "vm-memory",
    products: [
        .library(name: "VMMemory", targets: ["VMMemory"]),
        .library(name: "VMMemoryTestSupport", targets: ["VMMemoryTestSupport"]),
    ],
    dependencies: [
        .package(path: "../vmm-sys-util")
    ],
    targets: [
        .target(name: "CVMMemory"),
        .target(
            name: "VMMemory",
            dependencies: ["CVMMemory", .product(name: "VMMSysUtil", package: "vmm-sys-util")],
            swiftSettings: settings),
        .target(name: "VMMemoryTestSupport", dependencies: ["VMMemory"], swiftSettings: settings),
        .testTarget(
            name: "VMMemoryTests",
            dependencies: ["VMMemory", "VMMemoryTestSupport", .product(name: "VMMSysUtil", package: "vmm-sys-util")],
            swiftSettings: settings),
    ]
)
