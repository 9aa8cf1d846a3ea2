// SPDX-License-Identifier: Apache-2.0

/// Makes small bzImages, correct unless told otherwise.
public struct BzImageBuilder: Sendable {
    /// `version`: the boot protocol, its major number in the upper byte.
    public var version: UInt16 = 0x20f
    /// The byte that `setup_sects` gets; 0 stands for 4.
    public var setupSectors: UInt8 = 1
    /// `loadflags`; bit 0 says that the kernel is loaded high.
    public var loadFlags: UInt8 = 1
    /// `xloadflags`; bit 0 says that there is a 64-bit entry.
    public var extendedLoadFlags: UInt16 = 1
    /// `relocatable_kernel`.
    public var isRelocatable = true
    /// `kernel_alignment`, bytes.
    public var kernelAlignment: UInt32 = 0x20_0000
    /// `initrd_addr_max`: the highest address of an initrd's byte.
    public var initrdAddressMax: UInt32 = 0x7fff_ffff
    /// `cmdline_size`, bytes without the NUL.
    public var commandLineByteCount: UInt32 = 2047
    /// `pref_address`.
    public var preferredAddress: UInt64 = 0x100_0000
    /// `init_size`: what the kernel needs of memory, bytes.
    public var initByteCount: UInt32 = 0x10_0000
    /// What `kernel_version` points to.
    public var versionString = "6.1.0-test (builder) #1"
    /// Protected-mode code in front of the payload.
    public var code: [UInt8] = [0xf4, 0xf4, 0xf4, 0xf4]
    /// The packed kernel.
    public var payload: [UInt8]
    /// The unpacked size to append; nil for gzip, which has its own.
    public var unpackedByteCount: UInt32?

    /// A bzImage of protocol 2.15 around a payload.
    public init(payload: [UInt8], unpackedByteCount: UInt32?) {
        self.payload = payload
        self.unpackedByteCount = unpackedByteCount
    }

    /// The file.
    public func build() -> ImageBytes {
        let setupByteCount = (Int(setupSectors == 0 ? 4 : setupSectors) + 1) * 512
        var file = ImageBytes(count: setupByteCount)
        file.set(setupSectors, at: 0x1f1)
        file.set(0xaa55 as UInt16, at: 0x1fe)
        file.set([0xeb, 0x6a], at: 0x200)  // a short jump to 0x26c, where protocol 2.15's header ends
        file.set([0x48, 0x64, 0x72, 0x53], at: 0x202)
        file.set(version, at: 0x206)
        file.set(loadFlags, at: 0x211)
        file.set(0x10_0000 as UInt32, at: 0x214)
        file.set(initrdAddressMax, at: 0x22c)
        file.set(kernelAlignment, at: 0x230)
        file.set(UInt8(isRelocatable ? 1 : 0), at: 0x234)
        file.set(extendedLoadFlags, at: 0x236)
        file.set(commandLineByteCount, at: 0x238)
        file.set(preferredAddress, at: 0x258)
        file.set(initByteCount, at: 0x260)
        if !versionString.isEmpty {
            file.set(UInt16(0x280 - 0x200), at: 0x20e)
            file.set(Array(versionString.utf8) + [0], at: 0x280)
        }
        file.set(code, at: setupByteCount)
        let payloadOffset = file.bytes.count
        file.set(payload, at: payloadOffset)
        if let unpackedByteCount { file.append(unpackedByteCount) }
        file.set(UInt32(payloadOffset - setupByteCount), at: 0x248)
        file.set(UInt32(file.bytes.count - payloadOffset), at: 0x24c)
        while (file.bytes.count - setupByteCount) % 16 != 0 { file.append(0 as UInt8) }
        file.set(UInt32((file.bytes.count - setupByteCount) / 16), at: 0x1f4)
        return file
    }
}
