// SPDX-License-Identifier: Apache-2.0
import TTRPC
import TTRPCTestSupport

struct Greeter: TTRPCService {
    let name = "example.Greeter"
    func unary(_ method: String, _ request: [UInt8], _ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8] {
        guard method == "Hello" else { throw .unimplemented(name, method) }
        return Array("hello, ".utf8) + request
    }
}

let server = TTRPCServer(services: [Greeter()])
let client = try TTRPCPipe.client(of: server)  // or TTRPCClient(socket), server.start(listener: socket)
let answer = try client.call("example.Greeter", "Hello", Array("world".utf8), timeout: .seconds(1))
print(String(decoding: answer, as: UTF8.self))  // hello, world
