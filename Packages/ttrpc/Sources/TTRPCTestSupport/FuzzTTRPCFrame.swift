// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import TTRPC

/// What became of a fuzzed stream of bytes.
public struct FuzzedTTRPCFrames: Sendable, Equatable {
    /// Frames that were read whole.
    public var frames = 0
    /// Frames whose header announced more than the parser was told to accept.
    public var refused = 0
    /// Data that was read as a request.
    public var requests = 0
    /// Data that was read as a response.
    public var responses = 0
    /// Requests and responses that are none.
    public var malformed = 0
    /// Whether the bytes end inside a frame.
    public var isTruncated = false
}

/// Parses bytes as frames, and the data of each as a request and as a response. Aborts where the rules are broken:
/// the frames depend on how the bytes are cut, a frame or envelope that was read is not the same when it is written and
/// read again, or a parser takes more than there is.
///
/// The input: `u8` bytes of each piece, 0 for all at once; `u8` limit of a frame in units of 64 bytes, 0 for none; frames.
@discardableResult
public func fuzzTTRPCFrame(_ bytes: UnsafeRawBufferPointer) -> FuzzedTTRPCFrames {
    var result = FuzzedTTRPCFrames()
    guard bytes.count > 2 else { return result }
    let limit = bytes[1] == 0 ? TTRPCFrameHeader.maximumDataByteCount : Int(bytes[1]) * 64
    let stream = UnsafeRawBufferPointer(rebasing: bytes[2...])
    let whole = events(stream, pieces: stream.count, limit: limit, &result)
    var other = FuzzedTTRPCFrames()
    if events(stream, pieces: max(1, Int(bytes[0])), limit: limit, &other) != whole
        || other.isTruncated != result.isTruncated
    {
        finding("the frames depend on how the bytes are cut")
    }
    for event in whole {
        switch event {
        case .refused: result.refused += 1
        case .frame(let frame): check(frame, limit, &result)
        }
    }
    return result
}

private func events(
    _ stream: UnsafeRawBufferPointer, pieces: Int, limit: Int, _ result: inout FuzzedTTRPCFrames
) -> [TTRPCFrameParser.Event] {
    var parser = TTRPCFrameParser(acceptedByteCount: limit)
    var events: [TTRPCFrameParser.Event] = []
    var begin = 0
    while begin < stream.count {
        let piece = UnsafeRawBufferPointer(rebasing: stream[begin..<min(stream.count, begin + pieces)])
        var position = 0
        while let event = parser.next(piece, from: &position) { events.append(event) }
        if position != piece.count { finding("the parser stopped at byte \(position) of \(piece.count)") }
        begin += piece.count
    }
    do throws(TTRPCFrameError) { try parser.finish() } catch { result.isTruncated = true }
    return events
}

private func check(_ frame: TTRPCFrame, _ limit: Int, _ result: inout FuzzedTTRPCFrames) {
    result.frames += 1
    if frame.data.count != Int(frame.header.dataByteCount) || frame.data.count > limit {
        finding("a frame's data is not as long as its header says, or longer than accepted")
    }
    let encoded = frame.encoded()
    var parser = TTRPCFrameParser()
    var position = 0
    let again = encoded.withUnsafeBytes { parser.next($0, from: &position) }
    if again != .frame(frame) { finding("a frame is not the same when it is written and read again") }

    do throws(TTRPCEnvelopeError) {
        let request = try TTRPCRequest(parsing: frame.data)
        if try TTRPCRequest(parsing: request.encoded()) != request { finding("a request is not the same again") }
        result.requests += 1
    } catch {
        result.malformed += 1
    }
    do throws(TTRPCEnvelopeError) {
        let response = try TTRPCResponse(parsing: frame.data)
        // A code that is not gRPC's becomes text, which is read as itself from then on.
        if try TTRPCResponse(parsing: response.encoded()) != response { finding("a response is not the same again") }
        result.responses += 1
    } catch {
        result.malformed += 1
    }
}

/// A rule is broken: ends the process, which is how a fuzzer notices.
private func finding(_ what: String) -> Never {
    print("fuzzTTRPCFrame: \(what)")
    fflush(nil)
    // invariant: only the harness itself comes here, in a fuzzer or a test.
    abort()
}
