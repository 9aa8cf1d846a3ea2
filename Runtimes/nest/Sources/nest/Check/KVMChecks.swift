// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestResources
internal import VMMSysUtil

extension Check {
    /// containerd and so the shim run as root; only then do the other answers hold.
    static let hostIsRoot = Check(name: "root") { _ in
        geteuid() == 0 ? .good("running as root, as containerd does") : .bad("not root", mend: "sudo nest check")
    }

    /// The device, its permissions, and a machine that really boots.
    static let kvmChecks = [
        Check(name: "kvm") { _ in
            do throws(Errno) {
                _ = try FileDescriptor.open("/dev/kvm", .readWrite)
                return .good("/dev/kvm opens")
            } catch {
                return kvmVerdict(error)
            }
        }
    ]

    private static func kvmVerdict(_ error: Errno) -> Verdict {
        switch error {
        case .permissionDenied, .notPermitted:
            return .bad("/dev/kvm: \(error)", mend: "sudo nest check, or give this container the device")
        case .busy:
            return .bad("/dev/kvm is taken by another hypervisor", mend: "end it, as: modprobe -r vboxdrv")
        default: break
        }
        let flags = (contents(of: "/proc/cpuinfo") ?? "").split(whereSeparator: { $0.isWhitespace })
        if flags.contains("vmx") { return .bad("/dev/kvm: \(error)", mend: "modprobe kvm_intel") }
        if flags.contains("svm") { return .bad("/dev/kvm: \(error)", mend: "modprobe kvm_amd") }
        return .bad(
            "/dev/kvm: \(error), and this CPU shows no virtualisation",
            mend: "turn it on in the firmware; in a VM, turn on nesting at its host: modprobe kvm_intel nested=1")
    }

    /// The one test that knows: the installed kernel and initramfs, in the installed VMM.
    static let boot = Check(name: "boot") { host in
        if host.isQuick { return .skipped("left out (--quick)") }
        let settings = host.settings
        guard isAccessible(settings.swiftlet, X_OK), isAccessible(settings.kernel),
            isAccessible(settings.initramfs)
        else { return .skipped("not tried without programs and guest image") }
        let began = ContinuousClock.now
        let arguments = [
            settings.swiftlet, "run", "--kernel", settings.kernel, "--initrd", settings.initramfs,
            "--memory", "128M", "--cmdline", "quiet",
        ]
        do throws(Errno) {
            let machine = try ChildProcess.run(arguments, limit: .seconds(30))
            let milliseconds = Int((ContinuousClock.now - began) / .milliseconds(1))
            if machine.status == 0, machine.output.contains("guest-init: ready") {
                return .good("a machine booted and turned itself off in \(milliseconds) ms")
            }
            let reason = machine.tookTooLong ? "did not come up within 30 s" : "ended with status \(machine.status)"
            let said = machine.lastLine.isEmpty ? "" : ": \(machine.lastLine)"
            return .bad(
                "a machine \(reason)\(said)",
                mend: "see the whole of it: \(arguments.dropLast(2).joined(separator: " "))")
        } catch {
            return .bad("\(settings.swiftlet): \(error)", mend: "install nest again: make install")
        }
    }
}
