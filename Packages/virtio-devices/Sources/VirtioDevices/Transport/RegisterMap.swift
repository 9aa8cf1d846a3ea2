// SPDX-License-Identifier: Apache-2.0

/// The control registers of a version 2 virtio-mmio page, by offset (virtio 1.2, 4.2.2).
enum MMIORegister: UInt64 {
    case magicValue = 0x000
    case version = 0x004
    case deviceID = 0x008
    case vendorID = 0x00c
    case deviceFeatures = 0x010
    case deviceFeaturesSelect = 0x014
    case driverFeatures = 0x020
    case driverFeaturesSelect = 0x024
    case queueSelect = 0x030
    case queueSizeMax = 0x034
    case queueSize = 0x038
    case queueReady = 0x044
    case queueNotify = 0x050
    case interruptStatus = 0x060
    case interruptACK = 0x064
    case status = 0x070
    case queueDescriptorLow = 0x080
    case queueDescriptorHigh = 0x084
    case queueDriverLow = 0x090
    case queueDriverHigh = 0x094
    case queueDeviceLow = 0x0a0
    case queueDeviceHigh = 0x0a4
    case sharedMemorySelect = 0x0ac
    case sharedMemoryLengthLow = 0x0b0
    case sharedMemoryLengthHigh = 0x0b4
    case sharedMemoryBaseLow = 0x0b8
    case sharedMemoryBaseHigh = 0x0bc
    case queueReset = 0x0c0
    case configGeneration = 0x0fc

    /// "virt", little endian.
    static let magic: UInt32 = 0x7472_6976
    /// The device's configuration space starts here and takes the rest of the page.
    static let configBase: UInt64 = 0x100
    /// A register page; what lies behind it is not ours.
    static let pageByteCount: UInt64 = 0x1000
}

/// Where an access to the page goes.
enum MMIOAccess: Equatable {
    /// A whole, aligned control register.
    case register(MMIORegister)
    /// The configuration space, from this byte on.
    case config(byteOffset: Int)
    /// Nothing is there, or the width is not allowed: reads are zero, writes are lost.
    case none

    /// Decodes an access of `byteCount` bytes at `offset`.
    ///
    /// Control registers take aligned 4-byte accesses only (virtio 1.2, 4.2.2.2: "The driver MUST only use 32 bit wide
    /// and aligned reads and writes"); the configuration space takes any width.
    init(offset: UInt64, byteCount: Int) {
        guard byteCount > 0, offset < MMIORegister.pageByteCount else {
            self = .none
            return
        }
        if offset >= MMIORegister.configBase {
            self = .config(byteOffset: Int(offset &- MMIORegister.configBase))
        } else if byteCount == 4, let register = MMIORegister(rawValue: offset) {
            self = .register(register)
        } else {
            self = .none
        }
    }
}
