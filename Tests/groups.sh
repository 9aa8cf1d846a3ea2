# SPDX-License-Identifier: Apache-2.0
# The groups of each rung, sourced by Tests/run. `group NAME COMMAND...` runs one.

bundle=.build/debug/VMMPackageTests.xctest
# nest has a group of its own.
packages() { for p in Packages/*/ Runtimes/*/; do [ "$p" = Runtimes/nest/ ] || echo "${p%/}"; done; }

build_all() { $SWIFT build --build-tests -Xswiftc -warnings-as-errors; }
# The tests of filters fork children that live for a while with copies of all descriptors: a pipe of another test would
# then have a reader that the test knows nothing of. So they have a process of their own.
unit_tests() {
    local status=0
    "$bundle" --testing-library swift-testing --skip 'SeccompilerTests|SwiftletSandboxTests' || status=$?
    "$bundle" --testing-library swift-testing --filter 'SeccompilerTests|SwiftletSandboxTests' || status=$?
    return "$status"
}

# One package by itself, as its importers see it.
# guest-init has nothing that a host could test: it is Embedded Swift, and the guest's first process.
alone() { if [ ! -d "$1/Tests" ]; then $SWIFT build --package-path "$1" -Xswiftc -warnings-as-errors; return; fi
    $SWIFT build --build-tests --package-path "$1" -Xswiftc -warnings-as-errors && $SWIFT test --skip-build --package-path "$1" --disable-xctest; }

# The tests of filters apart, as above. The agent's container tests need root, crun and control groups of version 2: the group nest-agent runs them in a lab.
nest_unit() { $SWIFT build --build-tests --package-path Runtimes/nest -Xswiftc -warnings-as-errors \
    && $SWIFT test --skip-build --package-path Runtimes/nest --disable-xctest --skip 'ContainerTests|NestSandboxTests' \
    && $SWIFT test --skip-build --package-path Runtimes/nest --disable-xctest --filter NestSandboxTests; }

run_check() {
    group lint make --no-print-directory lint
    group tidy $SWIFT test --package-path Tests/Tidy --disable-xctest
    group build build_all
    group unit unit_tests
}

# What the soak has whole, it does not sample before.
unless_soak() { [ "$RUNG" = soak ] || "$@"; }

run_test() {
    group deps Tests/Lab/install-deps
    group kernels Tests/Lab/fetch-kernels
    run_check
    group docs docs/make-reference .build/debug .build/docs
    group programs make --no-print-directory build-release
    group guest-image make --no-print-directory guest-image
    # Reads the release objects that both of them left.
    group traps Tests/Traps/run
    # A package apart: it fetches what nobody else shall.
    group nest-unit nest_unit
    group nest-agent Tests/Nest/agent-tests
    unless_soak group release Tests/Release/run sample
    # nest-unit has run nest's corpora; the soak has those targets too.
    group fuzz-replay env FUZZ_WITHOUT_NEST=1 Fuzz/replay
    unless_soak group lab Tests/Lab/self-test 'exit status is|whole|10 MB|host.s files|--out|KVM runs|too long|retried once|module devices'
    # The same micro-guests again on the lab's KVM: no test may be tuned to one machine's.
    group lab-kvm Tests/Lab/lab --cpus 1 --timeout 600 -- "$PWD/$bundle" --testing-library swift-testing --filter KVMIoctlsTests
    group examples Examples/run
    group image Tests/Lab/make-image
    unless_soak group swiftlet Tests/Swiftlet/run
    # Its images, in a store of containerd 1.6; then every promise to a user of containerd, and a third of the faults.
    group nest-images Tests/Nest/make-store
    unless_soak group nest env LABS=2 SUBJECTS="process status streams task exec limits image lifecycle refusals command faults/3 steps/8" Tests/Nest/run
    # What `make dist` packs, in a lab without a Swift toolchain.
    group dist make --no-print-directory dist
    group archive sh -c 'Runtimes/nest/Install/test-archive .build/nest-*.tar.gz'
    # Each folder must build alone; one of them, drawn by the seed, does so in every run.
    local all; mapfile -t all < <(packages)
    unless_soak group alone alone "${all[$((SEED % ${#all[@]}))]}"
}

run_soak() {
    local p
    group nest-all env LABS=2 COMBINATIONS=all Tests/Nest/run
    # The cases themselves, on the reference runtime.
    group nest-on-runc env LABS=2 RUNTIME=io.containerd.runc.v2 Tests/Nest/run
    group swiftlet-all env COMBINATIONS=all Tests/Swiftlet/run
    group lab-all Tests/Lab/self-test
    # Each boundary value in each register and ring field of each virtio device.
    group sweep env SWEEP=all "$bundle" --testing-library swift-testing --filter SweepTests
    group fuzz Fuzz/all "${FUZZ_SECONDS:-60}"
    group release-all Tests/Release/run all
    group fuzz-coverage Fuzz/coverage
    # Fifteen million steps of driver and device against each ring's model, which takes seconds when optimised.
    group models env MODEL_RUNS=10000 $SWIFT test -c release --package-path Packages/virtio-queue --disable-xctest --filter ModelTests
    group mutants Tests/mutants
    for p in $(packages); do group "alone-${p##*/}" alone "$p"; done
}
