// SPDX-License-Identifier: Apache-2.0
// The README's example; `swift run Basics` prints what its comments say.
import VMMemory

func basics() throws {
    guard let low = GuestRange(start: GuestAddress(0), byteCount: 64 << 20),
        let high = GuestRange(start: GuestAddress(1 << 32), byteCount: 16 << 20)
    else { return }
    let memory = try GuestMemory.anonymous([low, high], options: MappingOptions(dirtyPageByteCount: 4096))

    try memory.store(0x8000_0000 as UInt32, at: GuestAddress(0x1000))  // one aligned store, never torn
    print(try memory.load(UInt8.self, at: GuestAddress(0x1003)))  // 128
    let index = try memory.atomicLoad(UInt16.self, at: GuestAddress(0x1002), ordering: .acquiring)
    print(index)  // 32768

    do {
        try memory.store(1 as UInt64, at: GuestAddress(64 << 20))
    } catch {
        print(error)  // guest address 0x4000000: not in any region
    }
    // page 1, 1 pages
    memory.regions[0].dirtyBitmap?.harvest { page, count in print("dirty: page \(page), \(count) pages") }
}

try basics()
