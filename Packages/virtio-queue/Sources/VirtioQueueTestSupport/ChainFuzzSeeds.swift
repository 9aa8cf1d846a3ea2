// SPDX-License-Identifier: Apache-2.0

extension ChainFuzzInput {
    /// The seeds of `Corpus/descriptor-chain`, by file name: each shape of chain that is legal, and each broken rule.
    public static var seeds: [(name: String, input: ChainFuzzInput)] {
        legal + broken + packed
    }

    private static func make(
        _ logSize: UInt8, _ options: UInt8, first: UInt16 = 0, ahead: UInt16 = 1, heads: [UInt16] = [0],
        _ descriptors: [Entry], tables: [Entry] = []
    ) -> ChainFuzzInput {
        var input = ChainFuzzInput(logSize: logSize, options: options)
        input.firstIndex = first
        input.ahead = ahead
        input.heads = heads
        input.descriptors = descriptors
        input.tables = tables
        return input
    }

    private static let question = Entry(0x5000, 16, flags: 1, next: 1)
    private static let answer = Entry(0x6000, 64, flags: 2)
    private static let toTable = Entry(0x4000, 48, flags: 4)

    private static var legal: [(name: String, input: ChainFuzzInput)] {
        let full = (0..<8 as Range<UInt16>).map {
            Entry(0x5000 + UInt64($0) * 32, 32, flags: $0 < 7 ? 1 : 0, next: $0 + 1)
        }
        let table = [
            Entry(0x5000, 16, flags: 1, next: 1), Entry(0x5100, 100, flags: 1, next: 2), Entry(0x6000, 1, flags: 2),
        ]
        let ones = (0..<8 as Range<UInt64>).map { Entry(0x5000 + $0 * 64, 64, flags: $0 % 2 == 0 ? 0 : 2) }
        var quiet = make(3, 7, [question, answer])
        quiet.flags = 1
        quiet.usedEvent = 65535
        return [
            ("read-one", make(3, 5, [Entry(0x5000, 16, flags: 0)])),
            ("write-one", make(3, 5, [Entry(0x6000, 16, flags: 2)])),
            ("request", make(3, 7, [question, answer])),
            ("request-quiet", quiet),
            ("size-one", make(0, 5, [Entry(0x5000, 3, flags: 2)])),
            ("full-chain", make(3, 5, full)),
            ("full-ring", make(3, 7, ahead: 8, heads: [3, 1, 2, 0, 7, 6, 5, 4], ones)),
            ("full-ring-wrap", make(3, 7, first: 65531, ahead: 8, heads: [0, 1, 2, 3, 4, 5, 6, 7], ones)),
            ("in-order", make(3, 39, ahead: 8, heads: [0, 1, 2, 3, 4, 5, 6, 7], ones)),
            ("in-order-request", make(3, 39, [question, answer])),
            ("indirect", make(3, 7, [toTable], tables: table)),
            ("indirect-after-direct", make(3, 5, [Entry(0x5800, 8, flags: 1, next: 1), toTable], tables: table)),
            (
                "indirect-unaligned",
                make(
                    3, 5, [Entry(0x4004, 16, flags: 4)],
                    tables: [Entry(0x5000 << 32, 0x10, flags: 0), Entry(0, 0, flags: 0)])
            ),
            ("indirect-write-flag", make(3, 5, [Entry(0x4000, 48, flags: 6)], tables: table)),
            ("indirect-next-flag", make(3, 5, [Entry(0x4000, 48, flags: 5, next: 7)], tables: table)),
            ("two-regions", make(3, 5, [Entry(0x7ff0, 32, flags: 1, next: 1), Entry(0x7fff, 2, flags: 2)])),
            ("read-only-region", make(3, 5, [Entry(0xa000, 4096, flags: 0)])),
            ("empty-buffers", make(3, 5, [Entry(0, 0, flags: 1, next: 1), Entry(~0, 0, flags: 2)])),
            (
                "own-rings",
                make(
                    3, 13, ahead: 4, heads: [0, 0, 0, 0],
                    [Entry(0x1000, 0x2000, flags: 1, next: 1), Entry(0x3100, 64, flags: 2)])
            ),
            ("mutated", make(3, 15, ahead: 8, heads: [0, 1, 2, 3, 4, 5, 6, 7], ones)),
            (
                "size-32",
                make(
                    5, 7, ahead: 2, heads: [31, 30],
                    Array(repeating: Entry(0, 0, flags: 0), count: 30) + [
                        Entry(0x5000, 1, flags: 2), Entry(0x5000, 1, flags: 0),
                    ])
            ),
        ]
    }

    private static var broken: [(name: String, input: ChainFuzzInput)] {
        [
            ("bad-in-order-head", make(3, 37, ahead: 2, heads: [0, 8], [answer])),
            ("bad-ran-ahead", make(3, 5, ahead: 9, [answer])),
            ("bad-behind", make(3, 5, ahead: 65535, [answer])),
            ("bad-head", make(3, 5, heads: [8], [answer])),
            ("bad-next", make(3, 5, ahead: 2, heads: [0, 1], [Entry(0x5000, 1, flags: 1, next: 8), answer])),
            ("bad-self", make(3, 5, ahead: 2, heads: [0, 1], [Entry(0x5000, 1, flags: 1, next: 0), answer])),
            ("bad-order", make(3, 5, [Entry(0x5000, 1, flags: 3, next: 1), Entry(0x5000, 1, flags: 0)])),
            ("bad-unmapped", make(3, 5, [Entry(0x9000, 1, flags: 2)])),
            ("bad-over-end", make(3, 5, [Entry(0x8ff0, 17, flags: 2)])),
            ("bad-wrap", make(3, 5, [Entry(~0 - 15, 32, flags: 2)])),
            ("bad-read-only", make(3, 5, [Entry(0xa000, 1, flags: 2)])),
            ("bad-4gib", make(3, 5, [Entry(0x5000, .max, flags: 1, next: 0)])),
            ("bad-table-length", make(3, 5, [Entry(0x4000, 15, flags: 4)])),
            ("bad-table-large", make(3, 5, [Entry(0x4000, 144, flags: 4)])),
            ("bad-table-nested", make(3, 5, [Entry(0x4000, 16, flags: 4)], tables: [Entry(0x4000, 16, flags: 4)])),
            ("bad-table-unmapped", make(3, 5, [Entry(0x9000, 16, flags: 4)])),
            ("bad-table-not-negotiated", make(3, 4, [toTable])),
        ]
    }

    /// Descriptors from slot 0 on, in the round of wrap counter 1.
    private static func ring(
        _ size: UInt8, options: UInt8 = 7, from position: UInt16 = 0x8000, _ descriptors: [Entry],
        tables: [Entry] = []
    ) -> ChainFuzzInput {
        var input = make(size - 1, options | 16, first: position, descriptors, tables: tables)
        for index in input.descriptors.indices { input.descriptors[index].flags |= 0x80 }
        return input
    }

    private static var packed: [(name: String, input: ChainFuzzInput)] {
        let question = Entry(0x5000, 16, flags: 1)
        let answer = Entry(0x6000, 64, flags: 2, next: 5)
        let toTable = Entry(0x4000, 48, flags: 4, next: 3)
        let table = [Entry(0x5000, 16, flags: 0), Entry(0x5100, 100, flags: 1), Entry(0x6000, 1, flags: 2)]
        let ones = (0..<7 as Range<UInt16>).map {
            Entry(0x5000 + UInt64($0) * 64, 64, flags: $0 % 2 * 2, next: $0)
        }
        var overEnd = ring(5, from: 0x8003, [answer, Entry(0, 0, flags: 0), Entry(0, 0, flags: 0), question, question])
        // Slot 0 is in the next round, whose wrap counter is 0.
        overEnd.descriptors[0].flags = 0x8002
        var event = ring(7, ones)
        event.flags = 2
        event.usedEvent = 0x8003
        return [
            ("packed-request", ring(5, [question, answer])),
            ("packed-full-ring", ring(7, ones)),
            ("packed-full-chain", ring(3, [question, question, answer])),
            ("packed-over-end", overEnd),
            ("packed-event", event),
            ("packed-size-one", ring(1, [answer])),
            ("packed-indirect", ring(5, [toTable, answer], tables: table)),
            ("packed-mutated", ring(7, options: 15, ones)),
            ("packed-in-order", ring(7, options: 39, ones)),
            ("packed-in-order-chain", ring(5, options: 39, [question, answer])),
            ("bad-packed-endless", ring(3, [question, question, question])),
            ("bad-packed-partial", ring(5, [question])),
            ("bad-packed-order", ring(5, [Entry(0x6000, 64, flags: 3), Entry(0x5000, 1, flags: 0)])),
            ("bad-packed-unmapped", ring(5, [Entry(0x9000, 1, flags: 2)])),
            ("bad-packed-table-in-chain", ring(5, [question, toTable], tables: table)),
            ("bad-packed-table-length", ring(5, [Entry(0x4000, 17, flags: 4)])),
            ("bad-packed-table-not-negotiated", ring(5, options: 4, [toTable], tables: table)),
            ("bad-packed-position", ring(5, from: 0x8005, [answer])),
        ]
    }
}
