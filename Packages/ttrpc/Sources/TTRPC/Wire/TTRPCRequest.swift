// SPDX-License-Identifier: Apache-2.0

/// The envelope of a call, the data of a request frame:
/// `Request{service 1 string, method 2 string, payload 3 bytes, timeout_nano 4 int64, metadata 5 repeated KeyValue{1, 2}}`.
public struct TTRPCRequest: Equatable, Sendable {
    /// The most metadata pairs, or details of a status, that an envelope may have.
    public static let maximumPairs = 4096

    /// The service, such as `containerd.task.v2.Task`.
    public var service: String
    /// The method, such as `Create`.
    public var method: String
    /// The method's own message, encoded.
    public var payload: [UInt8]
    /// How long the caller will wait, in nanoseconds from now; 0 for ever.
    public var timeoutNanoseconds: Int64
    /// Keys and values beside the message.
    public var metadata: TTRPCMetadata

    /// An envelope of these fields.
    public init(
        service: String, method: String, payload: [UInt8] = [], timeoutNanoseconds: Int64 = 0,
        metadata: TTRPCMetadata = .init()
    ) {
        self.service = service
        self.method = method
        self.payload = payload
        self.timeoutNanoseconds = timeoutNanoseconds
        self.metadata = metadata
    }

    /// Reads an envelope. Unknown fields are skipped; of a field that comes twice the last counts.
    public init(parsing data: [UInt8]) throws(TTRPCEnvelopeError) {
        self.init(service: "", method: "")
        try data.span.withUnsafeBytes { bytes throws(TTRPCEnvelopeError) in try read(bytes) }
    }

    private mutating func read(_ bytes: UnsafeRawBufferPointer) throws(TTRPCEnvelopeError) {
        var reader = ProtobufReader(bytes)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .bytes(let value)): service = try reader.string(value)
            case (2, .bytes(let value)): method = try reader.string(value)
            case (3, .bytes(let value)): payload = Array(value)
            case (4, .integer(let value)): timeoutNanoseconds = Int64(bitPattern: value)
            case (5, .bytes(let value)): try readPair(reader.inner(value))
            default: break
            }
        }
    }

    private mutating func readPair(_ inner: ProtobufReader) throws(TTRPCEnvelopeError) {
        var reader = inner
        var key = ""
        var text = ""
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .bytes(let value)): key = try reader.string(value)
            case (2, .bytes(let value)): text = try reader.string(value)
            default: break
            }
        }
        guard metadata.storage.count < Self.maximumPairs else { throw .tooMany(offset: reader.offset) }
        metadata.append(key, text)
    }

    /// The envelope's bytes.
    public func encoded() -> [UInt8] {
        var writer = ProtobufWriter(capacity: estimatedByteCount)
        write(to: &writer)
        return writer.bytes
    }

    /// A whole request frame, or nil if its data would be longer than a frame may have.
    func frame(streamID: UInt32, flags: TTRPCFrameFlags) -> [UInt8]? {
        var writer = ProtobufWriter(headerByteCount: TTRPCFrameHeader.byteCount, capacity: estimatedByteCount)
        write(to: &writer)
        let count = writer.bytes.count - TTRPCFrameHeader.byteCount
        guard count <= TTRPCFrameHeader.maximumDataByteCount else { return nil }
        return writer.finish(
            TTRPCFrameHeader(byteCount: UInt32(count), streamID: streamID, kind: .request, flags: flags))
    }

    private var estimatedByteCount: Int {
        var count = 32 + service.utf8.count + method.utf8.count + payload.count
        for pair in metadata.storage { count += 12 + pair.key.utf8.count + pair.value.utf8.count }
        return count
    }

    private func write(to writer: inout ProtobufWriter) {
        writer.string(1, service)
        writer.string(2, method)
        writer.data(3, payload)
        writer.integer(4, UInt64(bitPattern: timeoutNanoseconds))
        for pair in metadata.storage {
            var inner = ProtobufWriter(capacity: 12 + pair.key.utf8.count + pair.value.utf8.count)
            inner.string(1, pair.key)
            inner.string(2, pair.value)
            writer.data(5, inner.bytes, always: true)
        }
    }
}
