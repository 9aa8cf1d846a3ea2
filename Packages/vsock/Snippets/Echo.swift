// SPDX-License-Identifier: Apache-2.0
import Glibc
import Vsock
import VsockTestSupport

guard let cid = GuestCID(3) else { exit(1) }
let backend = try UnixSocketBackend(path: "/tmp/echo-\(getpid()).sock")  // its file goes with it
let guest = try GuestPeer(VsockDevice(guestCID: cid, backend: backend))  // the guest's side of the device
guest.listening = [1024]

let program = try HostProgram(path: backend.path)
try program.send("CONNECT 1024\nhello")
try guest.run()
guard let socket = guest.incoming.first else { exit(1) }
try guest.send(try guest.read(socket), on: socket)  // echo
print(String(decoding: try program.receive() ?? [], as: UTF8.self))  // OK 1073741824, hello
