// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import SwiftletVMM

/// What fuzzed bytes came to as a connection of the API.
public struct FuzzedHTTP: Equatable, Sendable {
    /// Whole requests.
    public var requests: [HTTPRequest] = []
    /// What ended them, if they were not just cut off.
    public var fault: HTTPFault?
    /// How many of the requests would be carried out; the others are faults of a route or of a body.
    public var accepted = 0
}

/// Reads any bytes as what a client of the API sends: cuts them into requests, finds the route of each and decodes its
/// body, and carries nothing out.
///
/// The first byte says in what pieces the others come, which must make no difference. A request whose path or body is
/// longer than what came, an answer that is no JSON, or a difference between the pieces and the whole aborts.
@discardableResult
public func fuzzHTTPRequest(_ bytes: UnsafeRawBufferPointer) -> FuzzedHTTP {
    guard let first = bytes.first else { return FuzzedHTTP() }
    let text = Array(bytes.dropFirst())
    let whole = parse(text, pieceByteCount: max(text.count, 1))
    guard parse(text, pieceByteCount: Int(first) + 1) == whole else { finding("pieces make a difference") }
    var result = whole
    for request in whole.requests {
        guard request.path.utf8.count + (request.body?.count ?? 0) <= text.count else {
            finding("more came out than in")
        }
        let answer = RouteProbe.answer(to: request)
        if answer.status != 400 { result.accepted += 1 }
        guard let body = answer.body else { continue }
        guard (try? JSONValue(parsing: Array(body.utf8))) != nil else { finding("an answer that is no JSON: \(body)") }
    }
    return result
}

private func parse(_ text: [UInt8], pieceByteCount: Int) -> FuzzedHTTP {
    var parser = HTTPParser(bodyLimit: 4096)
    var result = FuzzedHTTP()
    var rest = text[...]
    while !rest.isEmpty {
        parser.append(rest.prefix(pieceByteCount))
        rest = rest.dropFirst(pieceByteCount)
        do throws(HTTPFault) {
            while true {
                let step = try parser.next()
                if case .request(let request) = step { result.requests.append(request) }
                if step == .needsMore { break }
            }
        } catch {
            result.fault = error
            return result
        }
    }
    return result
}

/// Ends the process, so that the fuzzer keeps the input.
private func finding(_ text: String) -> Never {
    print("finding: \(text)")
    fflush(nil)
    abort()
}
