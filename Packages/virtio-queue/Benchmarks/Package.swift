// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "virtio-queue-benchmarks",
    dependencies: [
        .package(path: ".."),
        .package(path: "../../vm-memory"),
    ],
    targets: [
        .target(name: "CBaseline"),
        .executableTarget(
            name: "QueueBenchmarks",
            dependencies: [
                "CBaseline",
                .product(name: "VirtioQueue", package: "virtio-queue"),
                .product(name: "VirtioQueueTestSupport", package: "virtio-queue"),
                .product(name: "VMMemory", package: "vm-memory"),
            ],
            swiftSettings: settings),
    ]
)
