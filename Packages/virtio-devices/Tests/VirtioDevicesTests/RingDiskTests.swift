// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices

@Suite struct RingDiskTests {
    private func makeDisk(_ byteCount: UInt64, isReadOnly: Bool = false) throws -> RingDisk {
        let file = try FileDescriptor.temporaryFile()
        try file.setByteCount(byteCount)
        return try RingDisk(FileDisk(adopting: file, isReadOnly: isReadOnly))
    }

    /// Waits for one transfer.
    private func complete(_ disk: RingDisk, _ transfer: DiskTransfer) throws {
        disk.submit(transfer)
        disk.commit()
        disk.waitForCompletion()
        // One that went on in the meantime is not there yet.
        for _ in 0..<100 {
            if let done = disk.takeCompleted() {
                #expect(done === transfer)
                return
            }
            disk.waitForCompletion()
        }
        Issue.record("it does not come back")
    }

    @Test("more pieces than one call takes are transferred in order, exactly once")
    func manyPieces() throws {
        let disk = try makeDisk(1 << 20)
        let (out, back) = (Room(8192), Room(8192))
        for index in 0..<8192 { out.bytes[index] = UInt8(truncatingIfNeeded: index / 3) }
        let transfer = DiskTransfer(index: 5)
        for (kind, room) in [(DiskTransfer.Kind.write, out), (.read, back), (.stableWrite, out), (.read, back)] {
            transfer.prepare(kind, at: 512) { pieces in
                // Back to front, so that no two pieces join.
                for start in stride(from: 0, to: 8192, by: 4).reversed() {
                    room.append(to: &pieces, start..<start + 4)
                }
            }
            #expect(transfer.pieces.count == 2048)
            try complete(disk, transfer)
            #expect(transfer.error == nil && transfer.pieces.byteCount == 0 && transfer.wanted == 8192)
        }
        #expect(Array(out.bytes) == Array(back.bytes))
        transfer.prepare(.flush)
        try complete(disk, transfer)
        #expect(transfer.error == nil)
    }

    @Test("a file that was cut short fails with how far it came")
    func cutShort() throws {
        let file = try FileDescriptor.temporaryFile()
        try file.setByteCount(4096)
        let other = try file.duplicate()
        let disk = try RingDisk(FileDisk(adopting: file, isReadOnly: false))
        try other.setByteCount(1000)
        let room = Room(2048)
        let transfer = DiskTransfer(index: 0)
        transfer.prepare(.read) { room.append(to: &$0) }
        try complete(disk, transfer)
        #expect(transfer.error == .inputOutput)
        #expect(transfer.pieces.byteCount == 1048)
    }

    @Test("a write that the file takes in part fails with how far it came")
    func shortWrite() throws {
        let file = try MemFD(name: "sealed", byteCount: 8192)
        try file.addSeals(.grow)
        let disk = try RingDisk(
            FileDisk(unchecked: file.descriptor.duplicate(), byteCount: 1 << 20, isReadOnly: false))
        let room = Room(8192, filledWith: 1)
        let transfer = DiskTransfer(index: 0)
        transfer.prepare(.write, at: 4096) { room.append(to: &$0) }
        try complete(disk, transfer)
        #expect(transfer.error == .notPermitted)
        #expect(transfer.pieces.byteCount == 4096)
    }

    @Test("a short read goes on by itself")
    func shortRead() throws {
        let fifo = try FIFO()
        let disk = try fifo.makeDisk()
        let room = Room(512)
        let transfer = DiskTransfer(index: 7)
        transfer.prepare(.read) { room.append(to: &$0) }
        disk.submit(transfer)
        disk.commit()
        for part in 1...4 as ClosedRange<UInt8> {
            #expect(disk.takeCompleted() == nil)
            try fifo.write([UInt8](repeating: part, count: 128))
            disk.waitForCompletion()
        }
        #expect(disk.takeCompleted() === transfer)
        #expect(transfer.error == nil)
        #expect(Array(room.bytes) == (1...4).flatMap { [UInt8](repeating: $0, count: 128) })
    }

    @Test("the file's own errors come back: no space, not open for writing, no such offset")
    func errors() throws {
        let room = Room(512)
        let transfer = DiskTransfer(index: 0)
        let full = try RingDisk(
            FileDisk(unchecked: .open("/dev/full", .readWrite), byteCount: 1 << 20, isReadOnly: false))
        for kind in [DiskTransfer.Kind.write, .stableWrite] {
            transfer.prepare(kind) { room.append(to: &$0) }
            try complete(full, transfer)
            #expect(transfer.error == .noSpace)
        }
        let mistaken = try RingDisk(
            FileDisk(unchecked: .open("/proc/self/exe", .readOnly), byteCount: 1 << 20, isReadOnly: false))
        transfer.prepare(.write) { room.append(to: &$0) }
        try complete(mistaken, transfer)
        #expect(transfer.error == .badFileDescriptor)
        transfer.prepare(.read, at: 1 << 63) { room.append(to: &$0) }
        try complete(mistaken, transfer)
        #expect(transfer.error == .invalidArgument)
    }

    @Test("a read-only disk refuses writes, whatever the descriptor allows")
    func readOnly() throws {
        let disk = try makeDisk(4096, isReadOnly: true)
        let room = Room(512, filledWith: 1)
        let transfer = DiskTransfer(index: 0)
        for kind in [DiskTransfer.Kind.write, .stableWrite] {
            transfer.prepare(kind) { room.append(to: &$0) }
            try complete(disk, transfer)
            #expect(transfer.error == .notPermitted && transfer.pieces.byteCount == 512)
        }
        transfer.prepare(.read) { room.append(to: &$0) }
        try complete(disk, transfer)
        #expect(transfer.error == nil && room.bytes.allSatisfy { $0 == 0 })
    }

    @Test("a transfer with an index that is in flight, or that there is not, comes back as an error")
    func badIndex() throws {
        let fifo = try FIFO()
        let disk = try fifo.makeDisk(transfersMax: 2)
        let room = Room(4)
        let first = DiskTransfer(index: 1)
        first.prepare(.read) { room.append(to: &$0) }
        disk.submit(first)
        disk.commit()
        for index in [1, 2, -1, .max] {
            let other = DiskTransfer(index: index)
            other.prepare(.flush)
            try complete(disk, other)
            #expect(other.error == .invalidArgument)
        }
        #expect(disk.takeCompleted() == nil)
        try fifo.write([1, 2, 3, 4])
        disk.waitForCompletion()
        #expect(disk.takeCompleted() === first)
    }

    @Test("a disk that is dropped waits for what is in flight")
    func drops() throws {
        let fifo = try FIFO()
        let room = Room(4)
        let transfer = DiskTransfer(index: 0)
        transfer.prepare(.read) { room.append(to: &$0) }
        do {
            let disk = try fifo.makeDisk()
            disk.submit(transfer)
            disk.commit()
            try fifo.writeSoon([1, 2, 3, 4])
        }
        #expect(Array(room.bytes) == [1, 2, 3, 4])
    }
}
