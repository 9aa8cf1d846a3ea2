// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "acpi-tables",
    products: [
        .library(name: "ACPITables", targets: ["ACPITables"])
    ],
    targets: [
        .target(name: "ACPITables", swiftSettings: settings),
        .testTarget(name: "ACPITablesTests", dependencies: ["ACPITables"], swiftSettings: settings),
    ]
)
