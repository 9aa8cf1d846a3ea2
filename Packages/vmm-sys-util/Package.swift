// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "vmm-sys-util",
    products: [
        .library(name: "VMMSysUtil", targets: ["VMMSysUtil"])
    ],
    targets: [
        .target(name: "CVMMSysUtil"),
        .target(name: "VMMSysUtil", dependencies: ["CVMMSysUtil"], swiftSettings: settings),
        .testTarget(name: "VMMSysUtilTests", dependencies: ["VMMSysUtil"], swiftSettings: settings),
    ]
)
