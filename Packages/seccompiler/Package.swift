// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]
let sysUtil: Target.Dependency = .product(name: "VMMSysUtil", package: "vmm-sys-util")

let package = Package(
    name: "seccompiler",
    products: [
        .library(name: "Seccompiler", targets: ["Seccompiler"]),
        .library(name: "SeccompilerBPF", targets: ["SeccompilerBPF"]),
        .library(name: "SeccompilerTestSupport", targets: ["SeccompilerTestSupport"]),
        .executable(name: "seccompiler", targets: ["SeccompilerProgram"]),
    ],
    dependencies: [
        .package(path: "../vmm-sys-util")
    ],
    targets: [
        .systemLibrary(name: "CSeccomp"),
        .target(name: "CSeccompilerBPF"),
        .target(name: "SeccompilerBPF", dependencies: ["CSeccompilerBPF", sysUtil], swiftSettings: settings),
        .target(name: "Seccompiler", dependencies: ["CSeccomp", "SeccompilerBPF", sysUtil], swiftSettings: settings),
        .target(name: "SeccompilerCommand", dependencies: ["Seccompiler", sysUtil], swiftSettings: settings),
        .executableTarget(
            name: "SeccompilerProgram", dependencies: ["SeccompilerCommand"], swiftSettings: settings),
        // Makes Swift of policies (`make seccomp-filters`); nothing that ships links it.
        .executableTarget(name: "SeccompilerFilters", dependencies: ["Seccompiler", sysUtil], swiftSettings: settings),
        .target(name: "CSeccompilerProbe"),
        .target(
            name: "SeccompilerTestSupport", dependencies: ["Seccompiler", "CSeccompilerProbe", sysUtil],
            swiftSettings: settings),
        // The kernel's headers, for the tests to compare with; nothing that ships links it.
        .target(name: "CSeccompilerABI", path: "Tests/CSeccompilerABI"),
        .testTarget(
            name: "SeccompilerTests",
            dependencies: [
                "Seccompiler", "SeccompilerCommand", "SeccompilerTestSupport", "CSeccompilerABI", sysUtil,
            ],
            swiftSettings: settings),
    ]
)
