// SPDX-License-Identifier: Apache-2.0

/// What a request asks of the thread that owns the machine. Decoded already: a body that does not decode is refused
/// whatever the machine is doing.
enum Command: Sendable {
    /// `GET /vm/config`.
    case readConfig
    /// `GET /machine-config`.
    case readMachine
    /// `PUT /boot-source`.
    case putBootSource(BootSource)
    /// `PUT /machine-config`.
    case putMachine(MachineSettings)
    /// `PATCH /machine-config`.
    case patchMachine(MachineSettingsChange)
    /// PUT of a device.
    case putDevice(DeviceRequest)
    /// PATCH of a device.
    case patchDevice(DeviceRequest)
    /// InstanceStart.
    case start
    /// SendCtrlAltDel.
    case sendCtrlAltDel
}

/// What becomes of it.
enum Answer: Equatable, Sendable {
    /// 204.
    case done
    /// 200, with this.
    case value(JSONValue)
    /// 400, with this as the fault message.
    case fault(String)
}
