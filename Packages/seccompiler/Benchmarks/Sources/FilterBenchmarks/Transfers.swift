// SPDX-License-Identifier: Apache-2.0
internal import CTransfers

/// What the device thread asks of the kernel to serve a request: each piece of work is one request's calls.
final class Transfers: Work {
    private var state = transfers()

    init(_ kind: transfers_kind, byteCount: Int) throws {
        guard transfers_init(&state, kind, byteCount) == 0 else { throw BenchmarkFailure(text: "no files") }
    }

    func run(_ count: Int) throws {
        guard transfers_run(&state, count) == 0 else { throw BenchmarkFailure(text: "nothing moved") }
    }
}
