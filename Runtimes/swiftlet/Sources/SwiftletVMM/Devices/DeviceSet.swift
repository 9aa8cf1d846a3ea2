// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VirtioDevices
internal import VirtioModel

/// The virtio devices of a machine, in the order in which the guest finds them.
struct DeviceSet {
    private(set) var devices: [any VirtioDevice] = []

    /// Makes the drives, so that the first of them is `/dev/vda`, and the entropy source.
    init(_ config: MachineConfig) throws(MachineError) {
        for drive in config.drives { devices.append(try Self.block(drive)) }
        devices.append(EntropyDevice())
    }

    private static func block(_ drive: DriveConfig) throws(MachineError) -> BlockDevice {
        let file = try openFile(drive.path, role: "drive", flags: drive.isReadOnly ? .readOnly : .readWrite)
        do throws(Errno) {
            return BlockDevice(disk: try FileDisk(adopting: file, isReadOnly: drive.isReadOnly))
        } catch {
            throw .file(role: "drive", path: drive.path, error)
        }
    }

    /// Adds the console whose ports are a command's standard streams and status.
    mutating func add(_ session: CommandSession) {
        if let console = session.device { devices.append(console) }
    }
}
