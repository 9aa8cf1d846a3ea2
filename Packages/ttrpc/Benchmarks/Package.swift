// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "ttrpc-benchmarks",
    dependencies: [
        .package(path: "..")
    ],
    targets: [
        .target(name: "CBaseline"),
        .executableTarget(
            name: "CallBenchmarks",
            dependencies: [
                "CBaseline",
                .product(name: "TTRPC", package: "ttrpc"),
                .product(name: "TTRPCTestSupport", package: "ttrpc"),
            ],
            swiftSettings: settings),
    ]
)
