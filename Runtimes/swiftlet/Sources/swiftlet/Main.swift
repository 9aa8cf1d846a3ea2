// SPDX-License-Identifier: Apache-2.0
import Glibc
import VMMSysUtil

@main
enum Main {
    static func main() {
        exit(Int32(Program.run(ProgramArguments.all)))
    }
}
