// SPDX-License-Identifier: Apache-2.0
import Glibc
import Seccompiler
import SeccompilerTestSupport
import Synchronization
import Testing
import VMMSysUtil

/// Installation in threads of this process, and for the whole of a child.
@Suite(.serialized, .enabled(if: Architecture.native != nil, "needs one of the three architectures"))
struct InstallTests {
    /// Makes getpgid fail with this number; everything else passes.
    private func refusingGetpgid(_ number: UInt16) throws -> BPFProgram {
        try Filter(
            architecture: Architecture.native ?? .x86_64, defaultAction: .allow, matchAction: .errno(number),
            rules: [Rule("getpgid")]
        ).compile().program
    }

    /// Runs `body` in a thread of its own and gives what it answered.
    private func inThread<T: Sendable>(_ body: @escaping @Sendable () -> T) throws -> T {
        let answer = Shared<T?>(nil)
        let thread = try Thread(name: "seccomp-test") { answer.value = body() }
        try thread.join()
        return try #require(answer.value)
    }

    @Test("a thread's filter is on that thread alone")
    func oneThread() throws {
        let program = try refusingGetpgid(77)
        let failure = try inThread { () -> Int32 in
            do { try program.install(isLogging: true) } catch { return -1 }
            errno = 0
            return getpgid(0) == -1 ? errno : 0
        }
        #expect(failure == 77)
        #expect(getpgid(0) > 0)
    }

    @Test("filters add up, and the severer answer counts")
    func twoFilters() throws {
        let first = try refusingGetpgid(1)
        let second = try refusingGetpgid(2)
        let failure = try inThread { () -> Int32 in
            do {
                try first.install()
                try second.install()
            } catch {
                return -1
            }
            return getpgid(0) == -1 ? errno : 0
        }
        // Of two answers with the same action, that of the filter that was installed last.
        #expect(failure == 2)
    }

    @Test("a thread that has another filter is named, and nothing is installed")
    func diverged() throws {
        let program = try refusingGetpgid(5)
        let isReady = Shared<Int32>(0)
        let mayEnd = Shared(false)
        let other = try Thread(name: "seccomp-other") {
            try? program.install()
            isReady.value = Thread.currentID
            while !mayEnd.value { usleep(1000) }
        }
        while isReady.value == 0 { usleep(1000) }
        let failures = try inThread { () -> [InstallError?] in
            var failures: [InstallError?] = []
            do throws(InstallError) {
                try program.install(on: .allThreads)
                failures.append(nil)
            } catch {
                failures.append(error)
            }
            do throws(InstallError) {
                _ = try program.installWithListener(on: .allThreads)
                failures.append(nil)
            } catch {
                failures.append(error)
            }
            if getpgid(0) < 0 { failures.append(nil) }
            return failures
        }
        mayEnd.value = true
        try other.join()
        #expect(failures == [.threadDiverged(threadID: isReady.value), .threadsDiverged])
    }

    @Test("with all threads, threads that run already are under the filter too")
    func allThreads() throws {
        let program = try refusingGetpgid(6)
        // In a child, because the filter stays for ever.
        let status = KernelProbe.inChild {
            let mayGo = Shared(false)
            let answer = Shared<Int32>(-1)
            guard
                let other = try? Thread(
                    name: "seccomp-other",
                    {
                        while !mayGo.value { usleep(1000) }
                        answer.value = getpgid(0) == -1 ? errno : 0
                    })
            else { return 100 }
            do { try program.install(on: .allThreads) } catch { return 101 }
            mayGo.value = true
            do { try other.join() } catch { return 102 }
            return answer.value
        }
        #expect(status == 6)
    }

    @Test("a call with user_notif is answered through the listener, and a second listener is refused")
    func listener() throws {
        let program = try Filter(
            architecture: Architecture.native ?? .x86_64, defaultAction: .allow, matchAction: .notify,
            rules: [Rule("getppid")]
        ).compile().program
        let descriptor = Shared<Int32>(-1)
        let second = Shared<InstallError?>(nil)
        let answer = Shared<Int32>(0)
        let thread = try Thread(name: "seccomp-notify") {
            do {
                let listener = try program.installWithListener()
                do throws(InstallError) {
                    _ = try program.installWithListener()
                } catch {
                    second.value = error
                }
                descriptor.value = listener.release()
                answer.value = getppid()
            } catch {
                descriptor.value = -2
            }
        }
        while descriptor.value == -1 { usleep(1000) }
        try #require(descriptor.value >= 0)
        let listener = FileDescriptor(owning: descriptor.value)
        // struct seccomp_notif is 80 bytes, seccomp_notif_resp 24; both begin with the id.
        var request = [UInt64](repeating: 0, count: 10)
        #expect(ioctl(listener.rawValue, 0xC050_2100, &request) == 0)
        #expect(UInt32(truncatingIfNeeded: request[2]) == Architecture.native?.syscallNumber("getppid"))
        var response: [UInt64] = [request[0], 4242, 0]
        #expect(ioctl(listener.rawValue, 0xC018_2101, &response) == 0)
        try thread.join()
        #expect(answer.value == 4242)
        #expect(second.value == .refused(.busy))
    }
}

/// A value that threads of a test share.
final class Shared<T: Sendable>: Sendable {
    private let storage: Mutex<T>
    init(_ value: T) { storage = Mutex(value) }
    var value: T {
        get { storage.withLock { $0 } }
        set { storage.withLock { $0 = newValue } }
    }
}
