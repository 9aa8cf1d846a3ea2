// SPDX-License-Identifier: Apache-2.0

/// Makes a vCPU's `run()` return `.interrupted`, from any thread, at any time.
///
/// A kick is never lost: whether it comes before `run()`, in the middle, or after, the `run()` that is under way or the
/// next one answers `.interrupted`, and what the kicking thread wrote to memory before the kick is visible after that
/// answer. Several kicks may be answered together. The handle stays valid when the vCPU is gone; a kick then does
/// nothing.
///
/// It sets the flag that the kernel reads when it enters the guest (`immediate_exit`), then sends `SIGURG` to the
/// thread that runs the vCPU. The first `run()` on a thread unblocks that signal there and gives it a handler that does
/// nothing, unless the program has one of its own. A program must not ignore or block `SIGURG` afterwards.
public struct KickHandle: Sendable {
    let area: RunArea

    /// Kicks the vCPU. Takes a system call, never waits, never fails, and may be called in a signal handler.
    public func kick() { area.kick() }
}
