// SPDX-License-Identifier: Apache-2.0
internal import NestResources

/// Makes a configuration of an input of `fuzzNestConfiguration` that is none any more: a line that names no key names one, and a
/// value that is none becomes the key's own. For a mutator, which would mostly break a word.
public func repairNestConfiguration(_ bytes: [UInt8]) -> [UInt8] {
    if isWhole(bytes) { return bytes }
    var result: [UInt8] = []
    var section: [UInt8] = []
    var seen: Set<[UInt8]> = []
    for line in bytes.split(separator: 10).prefix(256) {
        guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else {
            let key = anyKey(line)
            for text in [Array(line), key.section] where isWhole(text) {
                if line.first == UInt8(ascii: "[") { section = text }
                result += text + [10]
                break
            }
            continue
        }
        // By itself a key has no section before it.
        let isOwn = isWhole(section + [10] + line)
        let key = isOwn ? nil : anyKey(line[..<equals])
        let name = key?.name ?? Array(line[..<equals].filter { $0 > 0x20 })
        let ownSection = key?.section ?? section
        guard seen.insert(ownSection + [0] + name).inserted else { continue }
        let value = line[line.index(after: equals)...]
        let texts: [[UInt8]] =
            isOwn ? [Array(line)] : [name + [0x3d] + value, name + [0x3d] + (key?.value ?? [])]
        guard let text = texts.first(where: { isWhole(ownSection + [10] + $0) }) else { continue }
        if ownSection != section { result += ownSection + [10] }
        section = ownSection
        result += text + [10]
    }
    return isWhole(result) ? result : []
}

private func isWhole(_ text: [UInt8]) -> Bool { text.withUnsafeBytes { fuzzNestConfiguration($0) }.isWhole }

private struct Key {
    /// `[section]`.
    let section: [UInt8]
    let name: [UInt8]
    let value: [UInt8]
}

private let keys: [Key] = {
    var keys: [Key] = []
    var section: [UInt8] = []
    for line in NestConfiguration().text.utf8.split(separator: 10) {
        guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else {
            section = Array(line)
            continue
        }
        keys.append(
            Key(
                section: section, name: Array(line[..<equals].dropLast()),
                value: Array(line[line.index(after: equals)...])))
    }
    return keys
}()

/// Some key, always the same for the same bytes.
private func anyKey(_ bytes: some Sequence<UInt8>) -> Key { keys[bytes.reduce(0) { $0 + Int($1) } % keys.count] }
