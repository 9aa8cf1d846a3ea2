// SPDX-License-Identifier: Apache-2.0

/// The envelope of an answer, the data of a response frame:
/// `Response{status 1 google.rpc.Status{code 1 int32, message 2 string, details 3 repeated Any}, payload 2 bytes}`.
public struct TTRPCResponse: Equatable, Sendable {
    /// Nil for success: a status that is absent, or whose code is 0.
    public var failure: TTRPCStatus?
    /// The method's own message, encoded; empty in a failure.
    public var payload: [UInt8]

    /// A success.
    public init(payload: [UInt8]) {
        self.payload = payload
    }

    /// A failure. A status whose code is `ok` cannot be one; the peer hears `unknown`.
    public init(failure: TTRPCStatus) {
        var failure = failure
        if failure.code == .ok { failure.code = .unknown }
        self.failure = failure
        payload = []
    }

    /// Reads an envelope. Unknown fields are skipped; a code that is not gRPC's is `unknown`, its number in the message.
    public init(parsing data: [UInt8]) throws(TTRPCEnvelopeError) {
        payload = []
        try data.span.withUnsafeBytes { bytes throws(TTRPCEnvelopeError) in try read(bytes) }
    }

    private mutating func read(_ bytes: UnsafeRawBufferPointer) throws(TTRPCEnvelopeError) {
        var reader = ProtobufReader(bytes)
        var status = WireStatus()
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .bytes(let value)): try status.read(reader.inner(value))
            case (2, .bytes(let value)): payload = Array(value)
            default: break
            }
        }
        failure = status.failure
    }

    /// The envelope's bytes.
    public func encoded() -> [UInt8] {
        var writer = ProtobufWriter(capacity: estimatedByteCount)
        write(to: &writer)
        return writer.bytes
    }

    /// A whole response frame, or nil if its data would be longer than a frame may have.
    func frame(streamID: UInt32) -> [UInt8]? {
        var writer = ProtobufWriter(headerByteCount: TTRPCFrameHeader.byteCount, capacity: estimatedByteCount)
        write(to: &writer)
        let count = writer.bytes.count - TTRPCFrameHeader.byteCount
        guard count <= TTRPCFrameHeader.maximumDataByteCount else { return nil }
        return writer.finish(TTRPCFrameHeader(byteCount: UInt32(count), streamID: streamID, kind: .response))
    }

    private var estimatedByteCount: Int {
        guard let failure else { return 16 + payload.count }
        return failure.details.reduce(64 + failure.message.utf8.count) { $0 + 12 + $1.count }
    }

    private func write(to writer: inout ProtobufWriter) {
        if let failure {
            var inner = ProtobufWriter(capacity: estimatedByteCount)
            inner.integer(1, UInt64(bitPattern: Int64(failure.code.rawValue)))
            inner.string(2, failure.message)
            for detail in failure.details { inner.data(3, detail, always: true) }
            writer.data(1, inner.bytes, always: true)
        }
        writer.data(2, payload)
    }
}

/// `google.rpc.Status` while it is read; it may come in several pieces, which add up.
private struct WireStatus {
    var code: Int32 = 0
    var message = ""
    var details: [[UInt8]] = []

    mutating func read(_ inner: ProtobufReader) throws(TTRPCEnvelopeError) {
        var reader = inner
        while let (field, value) = try reader.next() {
            switch (field, value) {
            // An int32 is written as 64 bits with its sign.
            case (1, .integer(let value)): code = Int32(truncatingIfNeeded: value)
            case (2, .bytes(let value)): message = try reader.string(value)
            case (3, .bytes(let value)):
                guard details.count < TTRPCRequest.maximumPairs else { throw .tooMany(offset: reader.offset) }
                details.append(Array(value))
            default: break
            }
        }
    }

    var failure: TTRPCStatus? {
        if code == 0 { return nil }
        guard let known = TTRPCCode(rawValue: code) else {
            return TTRPCStatus(.unknown, "code \(code): \(message)", details: details)
        }
        return TTRPCStatus(known, message, details: details)
    }
}
