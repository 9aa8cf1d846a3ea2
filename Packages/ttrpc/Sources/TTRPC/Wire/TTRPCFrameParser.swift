// SPDX-License-Identifier: Apache-2.0

/// Cuts a stream of bytes, in pieces of any size, into frames. It has no I/O, and keeps at most one frame's data.
public struct TTRPCFrameParser: Sendable {
    /// What the bytes came to.
    public enum Event: Equatable, Sendable {
        /// A whole frame.
        case frame(TTRPCFrame)
        /// The header of a frame with more data than is accepted. Its data is skipped as it comes.
        case refused(TTRPCFrameHeader)
    }

    /// The most data that the next frame to begin may have; a frame that has begun is not affected.
    public var acceptedByteCount: Int

    /// The first bytes of a header that came in pieces.
    private var partialHeader: [UInt8] = []
    private var header: TTRPCFrameHeader?
    private var data: [UInt8] = []
    private var skippedByteCount = 0

    /// A parser at the begin of a frame.
    public init(acceptedByteCount: Int = TTRPCFrameHeader.maximumDataByteCount) {
        self.acceptedByteCount = acceptedByteCount
    }

    /// Takes bytes until an event is complete or they are used up.
    /// - Parameters:
    ///   - bytes: what came.
    ///   - position: where to begin; afterwards the first byte not taken.
    /// - Returns: nil when all bytes were taken and more are needed.
    public mutating func next(_ bytes: UnsafeRawBufferPointer, from position: inout Int) -> Event? {
        guard position >= 0 else { return nil }
        while true {
            if skippedByteCount > 0 {
                let count = min(skippedByteCount, max(0, bytes.count - position))
                position += count
                skippedByteCount -= count
                if skippedByteCount > 0 { return nil }
            }
            guard let header = self.header ?? takeHeader(bytes, from: &position) else { return nil }
            let needed = Int(header.dataByteCount)
            if self.header == nil {
                if needed > acceptedByteCount {
                    skippedByteCount = needed
                    return .refused(header)
                }
                self.header = header
            }
            let missing = needed - data.count
            let count = min(missing, max(0, bytes.count - position))
            // Room for what is announced only when it is there: an announcement alone takes no memory.
            if data.isEmpty { data.reserveCapacity(count) }
            data.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[position..<position + count]))
            position += count
            guard count == missing else { return nil }
            let frame = TTRPCFrame(header: header, data: data)
            self.header = nil
            data = []
            return .frame(frame)
        }
    }

    /// The stream ended: checks that it did so between two frames.
    public func finish() throws(TTRPCFrameError) {
        if !partialHeader.isEmpty {
            throw .truncated(byteCount: partialHeader.count, needed: TTRPCFrameHeader.byteCount)
        }
        if let header {
            throw .truncated(
                byteCount: TTRPCFrameHeader.byteCount + data.count,
                needed: TTRPCFrameHeader.byteCount + Int(header.dataByteCount))
        }
        if skippedByteCount > 0 {
            throw .truncated(
                byteCount: TTRPCFrameHeader.byteCount, needed: TTRPCFrameHeader.byteCount + skippedByteCount)
        }
    }

    private mutating func takeHeader(_ bytes: UnsafeRawBufferPointer, from position: inout Int) -> TTRPCFrameHeader? {
        let available = max(0, bytes.count - position)
        let count = min(TTRPCFrameHeader.byteCount - partialHeader.count, available)
        guard count > 0 else { return nil }
        let piece = UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
        position += count
        if count == TTRPCFrameHeader.byteCount { return try? TTRPCFrameHeader(parsing: piece) }
        partialHeader.append(contentsOf: piece)
        guard partialHeader.count == TTRPCFrameHeader.byteCount else { return nil }
        defer { partialHeader.removeAll(keepingCapacity: true) }
        return partialHeader.withUnsafeBytes { try? TTRPCFrameHeader(parsing: $0) }
    }
}
