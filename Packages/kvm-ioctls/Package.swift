// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "kvm-ioctls",
    products: [
        .library(name: "KVMIoctls", targets: ["KVMIoctls"])
    ],
    dependencies: [
        .package(path: "../vmm-sys-util")
    ],
    targets: [
        .target(name: "CKVMIoctls"),
        .target(
            name: "KVMIoctls",
            dependencies: ["CKVMIoctls", .product(name: "VMMSysUtil", package: "vmm-sys-util")],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "MicroGuest", dependencies: ["KVMIoctls"], path: "Examples/MicroGuest", swiftSettings: settings),
        // The kernel's headers, for the tests to compare with; nothing that ships links it.
        .target(name: "CKVMIoctlsABI", path: "Tests/CKVMIoctlsABI"),
        .testTarget(
            name: "KVMIoctlsTests",
            dependencies: ["KVMIoctls", "CKVMIoctlsABI", .product(name: "VMMSysUtil", package: "vmm-sys-util")],
            swiftSettings: settings
        ),
    ]
)
