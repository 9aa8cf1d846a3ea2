// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "vm-memory-benchmarks",
    dependencies: [
        .package(path: "..")
    ],
    targets: [
        .target(name: "CBaseline"),
        .executableTarget(
            name: "MemoryBenchmarks",
            dependencies: ["CBaseline", .product(name: "VMMemory", package: "vm-memory")],
            swiftSettings: settings),
    ]
)
