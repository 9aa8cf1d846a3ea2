// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "vm-superio",
    products: [
        .library(name: "VMSuperIO", targets: ["VMSuperIO"]),
        .library(name: "VMSuperIOTestSupport", targets: ["VMSuperIOTestSupport"]),
    ],
    targets: [
        .target(name: "VMSuperIO", swiftSettings: settings),
        .target(name: "VMSuperIOTestSupport", dependencies: ["VMSuperIO"], swiftSettings: settings),
        .testTarget(
            name: "VMSuperIOTests", dependencies: ["VMSuperIO", "VMSuperIOTestSupport"], swiftSettings: settings),
    ]
)
