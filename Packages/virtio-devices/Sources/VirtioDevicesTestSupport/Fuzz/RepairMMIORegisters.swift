// SPDX-License-Identifier: Apache-2.0

/// Makes the first accesses of an input of `fuzzMMIORegisters` those that bring the device up, in place, so that what
/// follows meets a device that runs. For a mutator, which would hardly ever find them. Shorter inputs stay as they are.
public func repairMMIORegisters(_ bytes: UnsafeMutableRawBufferPointer) {
    // The status twice; what is offered is accepted; FEATURES_OK; the queue; DRIVER_OK.
    let start: [UInt8] = [2, 2, 4, 2, 3, 2]
    let stride = 8
    guard bytes.count >= start.count * stride else { return }
    for (index, what) in start.enumerated() { bytes[index * stride] = what }
}
