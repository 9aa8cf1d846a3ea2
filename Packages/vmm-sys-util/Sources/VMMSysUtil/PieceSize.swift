// SPDX-License-Identifier: Apache-2.0

/// How much to offer a socket at a time whose kernel may lack the memory for it.
///
/// The kernel copies what a vsock connection is given into one piece of memory, of up to 64 KiB. A machine whose free memory
/// lies in small pieces has none of that size and answers ENOMEM: then less at a time goes, down to a page, which is there in
/// the end.
public struct PieceSize: Sendable {
    private static let page = 4096

    /// The most bytes to offer now.
    public private(set) var byteCount: Int
    private let patience: Duration
    private var deadline: Deadline?

    /// - Parameters:
    ///   - byteCount: to offer at first.
    ///   - patience: how long the kernel may have no page.
    public init(_ byteCount: Int, patience: Duration = .seconds(30)) {
        self.byteCount = byteCount
        self.patience = patience
    }

    /// Something was taken: the patience is whole again.
    public mutating func wasTaken() { deadline = nil }

    /// It was refused for want of memory. Offers less from now on; a page is offered again a millisecond later.
    /// - Returns: false when the patience is over.
    public mutating func wasRefused() -> Bool {
        if byteCount > Self.page {
            byteCount = max(Self.page, byteCount / 2)
            return true
        }
        let limit = deadline ?? Deadline(after: patience)
        deadline = limit
        if limit.hasPassed { return false }
        Thread.sleep(for: .milliseconds(1))
        return true
    }
}
