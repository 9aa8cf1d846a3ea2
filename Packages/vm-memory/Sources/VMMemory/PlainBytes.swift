// SPDX-License-Identifier: Apache-2.0

/// A type that may be read from and written to guest memory as raw bytes.
///
/// Conform a structure only if every pattern of bits is a valid value of it (no `Bool`, no enum, no pointer) and it has
/// no padding: padding would carry bytes of the host into the guest. Structures imported from C headers of a device
/// interface usually qualify. The byte order is the host's.
public protocol PlainBytes: BitwiseCopyable {}

extension UInt8: PlainBytes {}
extension UInt16: PlainBytes {}
extension UInt32: PlainBytes {}
extension UInt64: PlainBytes {}
extension UInt: PlainBytes {}
extension Int8: PlainBytes {}
extension Int16: PlainBytes {}
extension Int32: PlainBytes {}
extension Int64: PlainBytes {}
extension Int: PlainBytes {}
extension UInt128: PlainBytes {}
extension Int128: PlainBytes {}
