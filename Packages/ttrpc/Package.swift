// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let siblings: [Target.Dependency] = [.product(name: "VMMSysUtil", package: "vmm-sys-util")]

let package = Package(
    name: "ttrpc",
    products: [
        .library(name: "TTRPC", targets: ["TTRPC"]),
        .library(name: "TTRPCTestSupport", targets: ["TTRPCTestSupport"]),
    ],
    dependencies: [
        .package(path: "../vmm-sys-util")
    ],
    targets: [
        .target(name: "CTTRPC"),
        .target(name: "TTRPC", dependencies: ["CTTRPC"] + siblings, swiftSettings: settings),
        .target(name: "TTRPCTestSupport", dependencies: ["TTRPC"] + siblings, swiftSettings: settings),
        .testTarget(
            name: "TTRPCTests", dependencies: ["TTRPC", "TTRPCTestSupport"] + siblings, swiftSettings: settings),
    ]
)
