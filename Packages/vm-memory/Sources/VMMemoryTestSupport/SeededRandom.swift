// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Random numbers that a seed repeats (SplitMix64).
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Starts the sequence of that seed.
    public init(seed: UInt64) { state = seed }

    /// The seed in the environment variable `SEED`, or a new one. Print it, so that a failure can be repeated.
    public static func seed() -> UInt64 {
        if let text = getenv("SEED"), let seed = UInt64(String(cString: text)) { return seed }
        return UInt64.random(in: 0 ... .max)
    }

    /// The next number of the sequence (SplitMix64).
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
