// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "seccompiler-benchmarks",
    dependencies: [
        .package(path: ".."),
        .package(path: "../../vmm-sys-util"),
        .package(path: "../../kvm-ioctls"),
    ],
    targets: [
        .target(name: "CTransfers", cSettings: [.unsafeFlags(["-O2"])]),
        .executableTarget(
            name: "FilterBenchmarks",
            dependencies: [
                "CTransfers",
                .product(name: "Seccompiler", package: "seccompiler"),
                .product(name: "VMMSysUtil", package: "vmm-sys-util"),
                .product(name: "KVMIoctls", package: "kvm-ioctls"),
            ],
            swiftSettings: settings),
    ]
)
