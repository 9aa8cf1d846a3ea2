// SPDX-License-Identifier: Apache-2.0

extension Ioctl {
    /// Every request that this package issues, as a sandbox's filter or a test wants them.
    public static let all: [Ioctl] = system + virtualMachine + memory + eventFD + interrupts + vcpu + x86
    private static let x86: [Ioctl] = x86VirtualMachine + cpuid + msr + state
}
