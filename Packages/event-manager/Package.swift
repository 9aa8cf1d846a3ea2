// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "event-manager",
    products: [
        .library(name: "EventManager", targets: ["EventManager"])
    ],
    dependencies: [
        .package(path: "../vmm-sys-util")
    ],
    targets: [
        .target(name: "CEventManager"),
        .target(
            name: "EventManager",
            dependencies: ["CEventManager", .product(name: "VMMSysUtil", package: "vmm-sys-util")],
            swiftSettings: settings),
        .testTarget(
            name: "EventManagerTests",
            dependencies: ["EventManager", .product(name: "VMMSysUtil", package: "vmm-sys-util")],
            swiftSettings: settings),
    ]
)
