// SPDX-License-Identifier: Apache-2.0
internal import CNestResources
internal import VMMSysUtil

/// What a root image is kept under: device, inode and birth time of each layer's directory in their order, and the
/// builder. A directory that was removed and made again has a new birth time even where it gets its old number back.
struct ImageKey: Equatable {
    /// A file name.
    let name: String

    /// Counted up when the same layers make another image.
    static let version = 1

    /// - Parameter builder: the program's path; a new one is a new key.
    init(_ layers: RootLayers, builder: String) throws(RootImageError) {
        var digest = Digest()
        digest.add(UInt64(Self.version))
        digest.add(layers.overlayOptions.joined(separator: ","))
        let tool = try Self.identify(builder)
        digest.add(tool.size)
        digest.add(UInt64(bitPattern: tool.modified_seconds))
        digest.add(UInt64(tool.modified_nanoseconds))
        for directory in layers.directories {
            let identity = try Self.identify(directory)
            digest.add(UInt64(identity.device_major) << 32 | UInt64(identity.device_minor))
            digest.add(identity.inode)
            digest.add(UInt64(bitPattern: identity.birth_seconds))
            // A file system without birth times has the time of the last change there, which is another statement.
            digest.add(UInt64(identity.birth_nanoseconds) << 1 | UInt64(identity.has_birth == 0 ? 1 : 0))
        }
        name = digest.hex
    }

    private static func identify(_ path: String) throws(RootImageError) -> nest_identity {
        var identity = nest_identity()
        guard !path.utf8.contains(0), nest_identify(path, &identity) == 0 else {
            throw .file(operation: "examine", path: path, .last)
        }
        return identity
    }
}

/// SHA-256 (FIPS 180-4) over numbers and texts, each with its length known. The keys are names in a cache that all pods of
/// a host share: nobody may find two sets of layers with one name.
struct Digest {
    private var bytes: [UInt8] = []

    mutating func add(_ number: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    mutating func add(_ text: String) {
        add(UInt64(text.utf8.count))
        bytes += text.utf8
    }

    /// 64 lower-case digits.
    var hex: String {
        var state = Self.initial
        var message = bytes
        message.append(0x80)
        while message.count % 64 != 56 { message.append(0) }
        let bitCount = UInt64(bytes.count) * 8
        for shift in stride(from: 56, through: 0, by: -8) {
            message.append(UInt8(truncatingIfNeeded: bitCount >> shift))
        }
        for start in stride(from: 0, to: message.count, by: 64) { Self.mix(message[start..<start + 64], into: &state) }
        return state.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    private static func mix(_ block: ArraySlice<UInt8>, into state: inout [UInt32]) {
        var words: [UInt32] = []
        var rest = block
        while rest.count >= 4 {
            words.append(rest.prefix(4).reduce(0) { $0 << 8 | UInt32($1) })
            rest = rest.dropFirst(4)
        }
        func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }
        for index in 16..<64 {
            let (first, last) = (words[index - 15], words[index - 2])
            let low = rotate(first, 7) ^ rotate(first, 18) ^ first >> 3
            let high = rotate(last, 17) ^ rotate(last, 19) ^ last >> 10
            words.append(words[index - 16] &+ low &+ words[index - 7] &+ high)
        }
        var next = state
        for index in 0..<64 {
            let (a, e) = (next[0], next[4])
            let choice = e & next[5] ^ ~e & next[6]
            let one =
                next[7] &+ (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) &+ choice &+ constants[index] &+ words[index]
            let majority = a & next[1] ^ a & next[2] ^ next[1] & next[2]
            let two = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) &+ majority
            next = [one &+ two, a, next[1], next[2], next[3] &+ one, e, next[5], next[6]]
        }
        for index in 0..<8 { state[index] &+= next[index] }
    }

    private static let initial: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    private static let constants: [UInt32] = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
        0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
        0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
        0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
        0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
        0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
        0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
    ]
}
