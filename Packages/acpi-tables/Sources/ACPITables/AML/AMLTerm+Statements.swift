// SPDX-License-Identifier: Apache-2.0

extension AMLTerm {
    /// The method's first argument.
    public static let arg0 = AMLTerm([0x68])
    /// The method's second argument.
    public static let arg1 = AMLTerm([0x69])
    /// The method's third argument.
    public static let arg2 = AMLTerm([0x6A])
    /// The method's fourth argument.
    public static let arg3 = AMLTerm([0x6B])
    /// The method's fifth argument.
    public static let arg4 = AMLTerm([0x6C])
    /// The method's sixth argument.
    public static let arg5 = AMLTerm([0x6D])
    /// The method's seventh argument.
    public static let arg6 = AMLTerm([0x6E])

    /// The method's first local variable.
    public static let local0 = AMLTerm([0x60])
    /// The method's second local variable.
    public static let local1 = AMLTerm([0x61])
    /// The method's third local variable.
    public static let local2 = AMLTerm([0x62])
    /// The method's fourth local variable.
    public static let local3 = AMLTerm([0x63])
    /// The method's fifth local variable.
    public static let local4 = AMLTerm([0x64])
    /// The method's sixth local variable.
    public static let local5 = AMLTerm([0x65])
    /// The method's seventh local variable.
    public static let local6 = AMLTerm([0x66])
    /// The method's eighth local variable.
    public static let local7 = AMLTerm([0x67])

    /// Ends the method with a value.
    public static func `return`(_ value: AMLTerm) -> AMLTerm { AMLTerm([0xA4], value) }

    /// Copies a value into a variable, a name or a field.
    public static func store(_ value: AMLTerm, to target: AMLTerm) -> AMLTerm { AMLTerm([0x70], value, target) }

    /// Tells the operating system that something happened to a device, such as 0x80: status changed.
    public static func notify(_ object: String, _ value: AMLTerm) throws(AMLError) -> AMLTerm {
        AMLTerm([0x86], try .path(object), value)
    }

    /// Calls a method.
    public static func call(_ method: String, _ arguments: [AMLTerm] = []) throws(AMLError) -> AMLTerm {
        var bytes = try NamePath(method).encoded
        for argument in arguments { bytes += argument.encoded }
        return AMLTerm(encoded: bytes)
    }

    /// Does the first list if the predicate is not zero, else the second.
    public static func `if`(
        _ predicate: AMLTerm,
        _ then: [AMLTerm],
        else otherwise: [AMLTerm] = []
    ) throws(AMLError) -> AMLTerm {
        let first = try AMLTerm([0xA0], lengthPrefixing: predicate.encoded, then)
        if otherwise.isEmpty { return first }
        return AMLTerm([], first, try AMLTerm([0xA1], lengthPrefixing: [], otherwise))
    }

    /// Repeats the list for as long as the predicate is not zero.
    public static func `while`(_ predicate: AMLTerm, _ body: [AMLTerm]) throws(AMLError) -> AMLTerm {
        try AMLTerm([0xA2], lengthPrefixing: predicate.encoded, body)
    }
}

/// Expressions. Those with a target store their value there too; `AMLTerm.discarded` throws it away.
extension AMLTerm {
    /// No target: the value is only used where the expression stands.
    public static let discarded = AMLTerm([0x00])

    /// Whether two values are equal.
    public static func equal(_ left: AMLTerm, _ right: AMLTerm) -> AMLTerm { AMLTerm([0x93], left, right) }
    /// Whether the first value is greater.
    public static func greater(_ left: AMLTerm, _ right: AMLTerm) -> AMLTerm { AMLTerm([0x94], left, right) }
    /// Whether the first value is less.
    public static func less(_ left: AMLTerm, _ right: AMLTerm) -> AMLTerm { AMLTerm([0x95], left, right) }
    /// Whether the value is zero.
    public static func not(_ value: AMLTerm) -> AMLTerm { AMLTerm([0x92], value) }
    /// Whether both are not zero.
    public static func and(_ left: AMLTerm, _ right: AMLTerm) -> AMLTerm { AMLTerm([0x90], left, right) }
    /// Whether one of the two is not zero.
    public static func or(_ left: AMLTerm, _ right: AMLTerm) -> AMLTerm { AMLTerm([0x91], left, right) }

    /// The sum.
    public static func add(_ left: AMLTerm, _ right: AMLTerm, to target: AMLTerm = .discarded) -> AMLTerm {
        AMLTerm([0x72], left, right, target)
    }

    /// The difference.
    public static func subtract(_ left: AMLTerm, _ right: AMLTerm, to target: AMLTerm = .discarded) -> AMLTerm {
        AMLTerm([0x74], left, right, target)
    }

    /// The bits that both have.
    public static func bitAnd(_ left: AMLTerm, _ right: AMLTerm, to target: AMLTerm = .discarded) -> AMLTerm {
        AMLTerm([0x7B], left, right, target)
    }

    /// The bits that one of the two has.
    public static func bitOr(_ left: AMLTerm, _ right: AMLTerm, to target: AMLTerm = .discarded) -> AMLTerm {
        AMLTerm([0x7D], left, right, target)
    }

    /// The value, moved left by so many bits.
    public static func shiftLeft(_ value: AMLTerm, by bits: AMLTerm, to target: AMLTerm = .discarded) -> AMLTerm {
        AMLTerm([0x79], value, bits, target)
    }

    /// The value, moved right by so many bits.
    public static func shiftRight(_ value: AMLTerm, by bits: AMLTerm, to target: AMLTerm = .discarded) -> AMLTerm {
        AMLTerm([0x7A], value, bits, target)
    }
}
