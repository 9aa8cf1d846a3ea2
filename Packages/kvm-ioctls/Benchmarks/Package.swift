// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let package = Package(
    name: "kvm-ioctls-benchmarks",
    dependencies: [
        .package(path: ".."),
        .package(path: "../../vmm-sys-util"),
    ],
    targets: [
        .target(name: "CExitLoop", cSettings: [.unsafeFlags(["-O2"])]),
        .executableTarget(
            name: "kvm-ioctls-bench",
            dependencies: [
                "CExitLoop", .product(name: "KVMIoctls", package: "kvm-ioctls"),
                .product(name: "VMMSysUtil", package: "vmm-sys-util"),
            ]
        ),
    ]
)
