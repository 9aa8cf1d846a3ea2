// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Runs `body` so that a write to a pipe without a reader returns EPIPE and nothing else.
///
/// SIGPIPE is blocked for this thread, and one that `body` caused is taken away before the old mask comes back. So the
/// device neither dies of it nor depends on, or changes, what the process does with the signal.
func withoutBrokenPipeSignal(_ body: () -> Bool) {
    var pipeOnly = sigset_t()
    var before = sigset_t()
    sigemptyset(&pipeOnly)
    sigaddset(&pipeOnly, SIGPIPE)
    var pending = sigset_t()
    sigpending(&pending)
    let wasPending = sigismember(&pending, SIGPIPE) == 1
    pthread_sigmask(SIG_BLOCK, &pipeOnly, &before)
    let sawBrokenPipe = body()
    if sawBrokenPipe && !wasPending {
        var none = timespec()
        sigtimedwait(&pipeOnly, nil, &none)
    }
    pthread_sigmask(SIG_SETMASK, &before, nil)
}
