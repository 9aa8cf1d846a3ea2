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
    name: "linux-loader",
    products: [
        .library(name: "LinuxLoader", targets: ["LinuxLoader"]),
        .library(name: "LinuxLoaderCompression", targets: ["LinuxLoaderCompression"]),
        .library(name: "LinuxLoaderFDT", targets: ["LinuxLoaderFDT"]),
        .library(name: "LinuxLoaderTestSupport", targets: ["LinuxLoaderTestSupport"]),
    ],
    dependencies: [
        .package(path: "../vm-memory"),
        .package(path: "../vmm-sys-util"),
    ],
    targets: [
        .target(name: "LinuxLoader", dependencies: [memory, sysUtil], swiftSettings: settings),
        .systemLibrary(name: "CLZ4"),
        .systemLibrary(name: "CZlib"),
        .systemLibrary(name: "CLZMA"),
        .systemLibrary(name: "CZstd"),
        .target(
            name: "LinuxLoaderCompression",
            dependencies: ["LinuxLoader", "CLZ4", "CZlib", "CLZMA", "CZstd"],
            swiftSettings: settings),
        .systemLibrary(name: "CFDT"),
        .target(name: "LinuxLoaderFDT", dependencies: ["LinuxLoader", "CFDT", memory], swiftSettings: settings),
        .target(
            name: "LinuxLoaderTestSupport",
            dependencies: ["LinuxLoader", "LinuxLoaderCompression", memory, sysUtil],
            swiftSettings: settings),
        .testTarget(
            name: "LinuxLoaderTests",
            dependencies: ["LinuxLoader", "LinuxLoaderTestSupport", memory, sysUtil],
            swiftSettings: settings),
        .testTarget(
            name: "LinuxLoaderCompressionTests",
            dependencies: [
                "LinuxLoader", "LinuxLoaderCompression", "LinuxLoaderTestSupport", memory, sysUtil,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "LinuxLoaderFDTTests",
            dependencies: ["LinuxLoader", "LinuxLoaderFDT", "LinuxLoaderTestSupport", memory],
            swiftSettings: settings),
    ]
)
