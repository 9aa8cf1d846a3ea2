// SPDX-License-Identifier: Apache-2.0
internal import SwiftletVMM

/// Makes a whole request of an input of `fuzzHTTPRequest` in which none is any more, out of its target and its body. For a
/// mutator, which would mostly break the first line or the length of the body.
public func repairHTTPRequest(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.withUnsafeBytes({ fuzzHTTPRequest($0) }).requests.isEmpty else { return bytes }
    let text = bytes.dropFirst()
    let methods = ["GET", "PUT", "PATCH", "DELETE"]
    let method = methods[Int(bytes.first ?? 0) % methods.count]
    let words = text.prefix(256).split(separator: 0x20, maxSplits: 2)
    let target = words.count > 1 ? words[1].filter { $0 > 0x20 && $0 < 0x7f } : []
    // The body begins behind the first empty line, or where a value does.
    let start = text.indices.first { text[$0...].starts(with: [13, 10, 13, 10]) }.map { $0 + 4 }
    let body = text[(start ?? text.firstIndex(of: 0x7b) ?? text.endIndex)...].prefix(4096)
    let head = "HTTP/1.1\r\nContent-Length: \(body.count)\r\n\r\n"
    return [bytes.first ?? 0] + "\(method) ".utf8 + (target.first == 0x2f ? [] : [0x2f]) + target + " \(head)".utf8
        + body
}
