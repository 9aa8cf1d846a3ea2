// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// Embedded Swift: the guest's first process is 0.7 MB instead of 6.7 MB, and every byte of it is guest memory.
let package = Package(
    name: "guest-init",
    products: [
        .executable(name: "guest-init", targets: ["GuestInit"])
    ],
    targets: [
        .target(name: "CGuestInit"),
        .executableTarget(
            name: "GuestInit",
            dependencies: ["CGuestInit"],
            swiftSettings: [.enableExperimentalFeature("Embedded"), .unsafeFlags(["-wmo"])],
            linkerSettings: [.unsafeFlags(["-static-executable", "-Xlinker", "-s"])]
        ),
    ]
)
