// SPDX-License-Identifier: Apache-2.0
#if canImport(VMSuperIOTestSupport)
    import Testing
    import VMSuperIOTestSupport

    @Suite struct FuzzTests {
        @Test("random accesses, saves and restores end without a trap", arguments: 0..<4)
        func random(_ seed: UInt64) {
            var random = SplitMix(seed: seed)
            let bytes = (0..<9_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            bytes.withUnsafeBytes {
                fuzzSerial($0)
                fuzzI8042($0)
                fuzzRTC($0)
            }
        }
    }
#endif
