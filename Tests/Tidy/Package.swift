// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let package = Package(
    name: "tidy",
    targets: [
        .target(name: "Tidy"),
        .testTarget(name: "TidyTests", dependencies: ["Tidy"]),
    ]
)
