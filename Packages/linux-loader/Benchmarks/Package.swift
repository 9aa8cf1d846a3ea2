// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "linux-loader-benchmarks",
    dependencies: [
        .package(path: ".."),
        .package(path: "../../vm-memory"),
        .package(path: "../../vmm-sys-util"),
    ],
    targets: [
        .executableTarget(
            name: "LoadBenchmarks",
            dependencies: [
                .product(name: "LinuxLoader", package: "linux-loader"),
                .product(name: "LinuxLoaderCompression", package: "linux-loader"),
                .product(name: "VMMemory", package: "vm-memory"),
                .product(name: "VMMSysUtil", package: "vmm-sys-util"),
            ],
            swiftSettings: settings)
    ]
)
