// SPDX-License-Identifier: Apache-2.0

extension Ioctl {
    /// Every request that this package issues, as a sandbox's filter or a test wants them.
    public static let all: [Ioctl] = generic + x86

    private static let generic: [Ioctl] =
        system + virtualMachine + memory + dirtyLog + eventFD + interrupts + coalesced + encryption + vcpu + device
        + statistics
    private static let x86: [Ioctl] =
        x86VirtualMachine + cpuid + msr + filters + state + variableState + events + machineCheck
}
