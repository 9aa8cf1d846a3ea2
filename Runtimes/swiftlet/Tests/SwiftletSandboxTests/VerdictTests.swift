// SPDX-License-Identifier: Apache-2.0
import Glibc
import Seccompiler
import SeccompilerTestSupport
import SwiftletVMM
import Testing

/// Holds every thread's filter to `Policy/verdicts.txt`, which is there to be read; UPDATE_VERDICTS=1 writes it anew.
@Suite struct VerdictTests {
    private static let header = """
        What each thread of swiftlet may ask of the kernel; all else is refused, the process ends with status 148.
        Written by its test, which holds the filters to it: UPDATE_VERDICTS=1.

          api   serves the API's clients
          vcpu  runs a guest's processor
          run   the device thread of `swiftlet run` with a drive and a command
          all   the device thread with an API and every device

        Calls by number: "yes" with any arguments, "some" with some, "-" with none. What is not listed has "-" everywhere.
        "fails" further below: the call is not made and returns an error, and the process goes on.


        """

    @Test("each thread may do what the table says, of all system calls")
    func table() throws {
        let threads = try Confined.allCases.map { (name: $0.rawValue, program: try $0.program()) }
        let text = VerdictTable(
            header: Self.header, threads: threads, policies: Array(try policies.filters().values),
            shapes: try SystemCallShape.all()
        ).text
        if getenv("UPDATE_VERDICTS") != nil {
            try policies.write(text, to: "verdicts.txt")
        }
        let committed = try policies.text("verdicts.txt").split(separator: "\n")
        let computed = text.split(separator: "\n")
        #expect(Set(computed).subtracting(committed).sorted() == [], "what the filters do that the table does not say")
        #expect(Set(committed).subtracting(computed).sorted() == [], "what the table says that the filters do not do")
        #expect(text == (try policies.text("verdicts.txt")))
    }

    @Test("the kernel gives the table's verdicts, on every number and every shape", arguments: Confined.allCases)
    func kernel(thread: Confined) throws {
        let program = try thread.program()
        let numbers = (UInt32(0)..<512).filter(KernelProbe.isAsked)
        let calls =
            numbers.map { SystemCall($0, on: .x86_64) }
            + numbers.map { SystemCall($0, Array(repeating: .max, count: 6), on: .x86_64) }
            + (try SystemCallShape.all().map(\.call).filter { KernelProbe.isAsked(about: $0.number) })
        let answers = try KernelProbe.actions(for: calls, under: program)
        for (call, answer) in zip(calls, answers) { #expect(answer == program.run(on: call).action, "\(call)") }
    }

    @Test("a refused call is not made: SIGSYS comes instead", arguments: Confined.allCases)
    func trapped(thread: Confined) throws {
        let program = try thread.program()
        let refused = try SystemCallShape.all().filter { program.run(on: $0.call).action == .trap }
        #expect(refused.count > 30)
        for (shape, answer) in zip(refused, try KernelProbe.answers(to: refused.map(\.call), under: program)) {
            #expect(answer == .trapped(number: Int32(shape.call.number)), "\(shape.text)")
        }
    }

    @Test("numbers of x32 and calls of 32-bit programs end the process at once", arguments: Confined.allCases)
    func foreign(thread: Confined) throws {
        let program = try thread.program()
        for number in UInt32(0)..<512 {
            #expect(program.run(on: SystemCall(number | 0x4000_0000, on: .x86_64)).action == .killProcess)
            #expect(program.run(on: SystemCall(number, auditValue: 0x4000_0003)).action == .killProcess)
        }
    }
}
