// SPDX-License-Identifier: Apache-2.0

/// The byte that makes a sequence sum up to zero, modulo 256, when it takes the place of a zero byte in it.
///
/// ACPI 6.5, 5.2.6: the entire table, checksum field included, must add to zero.
func checksum(of bytes: some Sequence<UInt8>) -> UInt8 {
    var sum: UInt8 = 0
    for byte in bytes { sum &+= byte }
    return 0 &- sum
}
