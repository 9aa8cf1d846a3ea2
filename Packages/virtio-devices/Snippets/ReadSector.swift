// SPDX-License-Identifier: Apache-2.0
// A block device on a file, and a driver that reads its first sector. No virtual machine is needed.
import Glibc
import VMMSysUtil
import VirtioDevices
import VirtioDevicesTestSupport

let disk = try FileDisk(adopting: FileDescriptor.open("/proc/self/exe", .readOnly), isReadOnly: true)
let driver = try MMIODriver(BlockDevice(disk: disk))  // an MMIOTransport, and the driver's side of it
try driver.start()  // status 1, 3, features, 0xb, queues, 0xf

guard let queue = driver.queue(0) else { exit(1) }
let header = try queue.buffer(of: [UInt8](repeating: 0, count: 16))  // type IN, sector 0
let data = queue.buffer(room: 512)
try queue.send([header, data, queue.buffer(room: 1)])
driver.notify(0)
print(try queue.takeUsed()?.written ?? 0)  // 513
print(try queue.bytes(of: data).prefix(4))  // [127, 69, 76, 70]
