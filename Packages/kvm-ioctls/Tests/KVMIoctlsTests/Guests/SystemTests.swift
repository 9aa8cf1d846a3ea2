// SPDX-License-Identifier: Apache-2.0
import KVMIoctls
import Testing
import VMMSysUtil

@Suite("Opening, without /dev/kvm")
struct OpeningTests {
    @Test("A device file that is not there is unavailable, with its path and the cause")
    func missing() {
        #expect(throws: KVMError.unavailable(path: "/dev/no-such-kvm", .noSuchFile)) {
            _ = try System(path: "/dev/no-such-kvm")
        }
    }

    @Test("A file that is not KVM's gives an error that names the request")
    func otherFile() {
        #expect(throws: KVMError.ioctl("KVM_GET_API_VERSION", .inappropriateIoctl)) {
            _ = try System(path: "/dev/null")
        }
    }

    @Test("A descriptor that is none is an error and never a default")
    func badDescriptor() {
        let vm = VirtualMachine(adopting: FileDescriptor(owning: -1), runAreaByteCount: 12_288)
        #expect(throws: KVMError.ioctl("KVM_CHECK_EXTENSION", .badFileDescriptor)) { _ = try vm.has(.irqFD) }
        #expect(throws: KVMError.ioctl("KVM_CREATE_VCPU", .badFileDescriptor)) { _ = try vm.createVCPU(id: 0) }
        #expect(throws: KVMError.ioctl("KVM_GET_API_VERSION", .badFileDescriptor)) {
            _ = try System(adopting: FileDescriptor(owning: -1))
        }
    }
}

@Suite("What a KVM can do", needsKVM)
struct SystemTests {
    @Test("The limits are in order")
    func limits() throws {
        let system = try System()
        #expect(try system.apiVersion() == 12)
        #expect(try system.recommendedVCPUCount() >= 1)
        #expect(try system.maximumVCPUCount() >= system.recommendedVCPUCount())
        #expect(try system.maximumVCPUID() >= system.maximumVCPUCount())
        #expect(try system.memorySlotCount() >= 32)
        #expect(try system.runAreaByteCount() >= 4096)
        #expect(try system.has(.userMemory))
        #expect(try system.has(Capability("KVM_CAP_OF_THE_FUTURE", 60_000)) == false)
    }

    @Test("A vCPU's id may be the largest and not one more")
    func vcpuID() throws {
        let system = try System()
        let vm = try system.createVirtualMachine()
        let limit = UInt32(try system.maximumVCPUID())
        let last = try vm.createVCPU(id: limit - 1)
        #expect(last.id == limit - 1)
        for id in [limit, max(limit, 65_537), .max] {
            #expect(throws: KVMError.ioctl("KVM_CREATE_VCPU", .invalidArgument)) { _ = try vm.createVCPU(id: id) }
        }
        #expect(throws: KVMError.ioctl("KVM_CREATE_VCPU", .exists)) { _ = try vm.createVCPU(id: limit - 1) }
    }

    @Test("A type of virtual machine that does not exist is refused")
    func vmType() throws {
        let system = try System()
        #expect(throws: KVMError.ioctl("KVM_CREATE_VM", .invalidArgument)) {
            _ = try system.createVirtualMachine(type: 0x7FFF)
        }
    }

    @Test("Memory that is misaligned, or in another slot's place, is refused")
    func memory() throws {
        let guest = try MicroGuest(Code.hlt)
        #expect(throws: KVMError.ioctl("KVM_SET_USER_MEMORY_REGION", .invalidArgument)) {
            try guest.vm.setMemoryRegion(
                slot: 1, guestAddress: 0x10_0001, byteCount: 4096, hostAddress: guest.memory)
        }
        #expect(throws: KVMError.ioctl("KVM_SET_USER_MEMORY_REGION", .exists)) {
            try guest.vm.setMemoryRegion(slot: 1, guestAddress: 0x1000, byteCount: 4096, hostAddress: guest.memory)
        }
        // The upper 16 bits of a slot are an address space, of which a KVM may have more than one.
        let beyond = UInt32(try guest.system.memorySlotCount())
        #expect(throws: KVMError.ioctl("KVM_SET_USER_MEMORY_REGION", .invalidArgument)) {
            try guest.vm.setMemoryRegion(
                slot: beyond, guestAddress: 0x10_0000, byteCount: 4096, hostAddress: guest.memory)
        }
    }

    @Test("A device kind that does not exist is known not to")
    func device() throws {
        let vm = try System().createVirtualMachine()
        #expect(try vm.canCreateDevice(Device.Kind(rawValue: 9999)) == false)
        #expect(throws: KVMError.self) { _ = try vm.createDevice(Device.Kind(rawValue: 9999)) }
        if try vm.canCreateDevice(.vfio) {
            let device = try vm.createDevice(.vfio)
            #expect(try device.has(.addVFIOGroup))
            #expect(try device.has(DeviceAttribute<Int32>(group: 77, attribute: 0)) == false)
            #expect(throws: KVMError.ioctl("KVM_SET_DEVICE_ATTR", .badFileDescriptor)) {
                try device.set(.addVFIOGroup, to: -1)
            }
        }
    }

    @Test(
        "A virtual machine's and a vCPU's counters come as a file",
        .enabled(if: kvmHas(.binaryStatsFD), "needs KVM_CAP_BINARY_STATS_FD"))
    func statistics() throws {
        let guest = try MicroGuest(Code.hlt)
        let vm = try guest.vm.statisticsFile()
        let vcpu = try guest.vcpu.statisticsFile()
        #expect(vm.rawValue != vcpu.rawValue)
    }

    @Test("Memory encryption is refused where there is none, and otherwise answers")
    func encryption() throws {
        let vm = try System().createVirtualMachine()
        #expect(throws: KVMError.self) {
            try vm.registerEncryptedRegion(UnsafeMutableRawBufferPointer(start: nil, count: 0))
        }
    }
}
