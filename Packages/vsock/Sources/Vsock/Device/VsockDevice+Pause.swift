// SPDX-License-Identifier: Apache-2.0

/// Standing still, for a machine whose vCPUs are stopped.
extension VsockDevice {
    /// Leaves guest memory, queues and interrupt alone until `resume()`. Connections stay, time stands still for them,
    /// and what was kept for the host still goes to it. Programs that come wait in the backlog. On the device's thread
    /// only; a device that is not active has nothing to pause.
    public func pause() {
        guard active != nil, !isPaused else { return }
        clock.stop()
        stopListening()
        disarm()
    }

    /// Goes on. Nobody has to ring: both sides may have put something in while the device did not look.
    public func resume() {
        guard active != nil, isPaused else { return }
        clock.start()
        resumeListening()
        serveEvents()
        // Serves the other queues, too.
        timeCame()
    }
}
