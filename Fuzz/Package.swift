// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// Each target is an executable without a main: libFuzzer brings its own. So this package builds with
// `--sanitize=fuzzer` only; Fuzz/run passes it.
func target(_ name: String, _ product: String, _ package: String) -> Target {
    .executableTarget(name: name, dependencies: ["FuzzRun", .product(name: product, package: package)])
}

// nest's need swift-protobuf: to build them is more than a third of the whole. Its package's tests run their corpora, so
// `make test` leaves them out here.
let nest: [Target] =
    Context.environment["FUZZ_WITHOUT_NEST"] != nil
    ? []
    : ["agent-answer", "agent-connection", "agent-request", "bundle", "nest-configuration"].map {
        target($0, "NestTestSupport", "nest")
    }

let package = Package(
    name: "fuzz",
    dependencies: [
        .package(path: "../Packages/linux-loader"),
        .package(path: "../Packages/seccompiler"),
        .package(path: "../Packages/ttrpc"),
        .package(path: "../Packages/virtio-devices"),
        .package(path: "../Packages/virtio-queue"),
        .package(path: "../Packages/vm-superio"),
        .package(path: "../Packages/vsock"),
        .package(path: "../Runtimes/swiftlet"),
    ] + (nest.isEmpty ? [] : [.package(path: "../Runtimes/nest")]),
    targets: [
        // How many executions got somewhere.
        .target(name: "FuzzRun", dependencies: ["CLibFuzzer"]),
        .target(name: "CLibFuzzer"),
        target("block-request", "VirtioDevicesTestSupport", "virtio-devices"),
        target("bpf", "SeccompilerTestSupport", "seccompiler"),
        target("command-line", "LinuxLoaderTestSupport", "linux-loader"),
        target("configuration", "SwiftletTestSupport", "swiftlet"),
        target("descriptor-chain", "VirtioQueueTestSupport", "virtio-queue"),
        target("device-queues", "VirtioDevicesTestSupport", "virtio-devices"),
        target("http-request", "SwiftletTestSupport", "swiftlet"),
        target("i8042", "VMSuperIOTestSupport", "vm-superio"),
        target("kernel-image", "LinuxLoaderTestSupport", "linux-loader"),
        target("mmio-registers", "VirtioDevicesTestSupport", "virtio-devices"),
        target("policy", "SeccompilerTestSupport", "seccompiler"),
        target("queue-state", "VirtioQueueTestSupport", "virtio-queue"),
        target("rtc", "VMSuperIOTestSupport", "vm-superio"),
        target("serial", "VMSuperIOTestSupport", "vm-superio"),
        target("ttrpc-frame", "TTRPCTestSupport", "ttrpc"),
        target("vsock-packet", "VsockTestSupport", "vsock"),
        target("vsock-sequence", "VsockTestSupport", "vsock"),
        target("vsock-state", "VsockTestSupport", "vsock"),
    ] + nest
)
