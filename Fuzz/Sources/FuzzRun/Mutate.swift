// SPDX-License-Identifier: Apache-2.0
internal import CLibFuzzer

/// What a target's `LLVMFuzzerCustomMutator` does: libFuzzer's own mutations, and then, three times of four, the repair
/// of what they broke. So most executions come to the rules behind the first one, and some still break several at once.
/// - Parameters:
///   - bytes: The input, with room for `maximum`.
///   - count: Its length.
///   - maximum: The most that it may become.
///   - seed: libFuzzer's random number.
///   - minimum: What is shorter gets zeros before it is repaired.
///   - repair: Works in place.
/// - Returns: The new length.
public func mutated(
    _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ maximum: Int, _ seed: CUnsignedInt, minimum: Int = 0,
    repair: (UnsafeMutableRawBufferPointer) -> Void
) -> Int {
    let count = LLVMFuzzerMutate(bytes, count, maximum)
    guard seed % 4 != 0 else { return count }
    let whole = max(count, min(minimum, maximum))
    for index in count..<whole { bytes[index] = 0 }
    repair(UnsafeMutableRawBufferPointer(start: bytes, count: whole))
    return whole
}

/// The same with a repair that changes the length; the parameters are the same.
public func mutated(
    _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ maximum: Int, _ seed: CUnsignedInt,
    rewrite: ([UInt8]) -> [UInt8]
) -> Int {
    let count = LLVMFuzzerMutate(bytes, count, maximum)
    guard seed % 4 != 0 else { return count }
    let repaired = rewrite(Array(UnsafeBufferPointer(start: bytes, count: count))).prefix(maximum)
    UnsafeMutableRawBufferPointer(start: bytes, count: maximum).copyBytes(from: repaired)
    return repaired.count
}
