// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestShim

@main
enum Main {
    static func main() {
        exit(Shim.run(CommandLine.arguments))
    }
}
