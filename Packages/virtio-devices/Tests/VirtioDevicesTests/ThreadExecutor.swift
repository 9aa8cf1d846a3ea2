// SPDX-License-Identifier: Apache-2.0
import Glibc
import VMMSysUtil
import VirtioModel

/// A device's thread of its own, first come, first served.
final class ThreadExecutor: DeviceExecutor, @unchecked Sendable {
    private var mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var work: [@Sendable () -> Void] = []
    private var isStopped = false

    init() throws {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
        _ = try Thread(name: "device") { [self] in loop() }
    }

    private func loop() {
        while true {
            pthread_mutex_lock(mutex)
            while work.isEmpty && !isStopped { pthread_cond_wait(changed, mutex) }
            guard !work.isEmpty else {
                pthread_mutex_unlock(mutex)
                return
            }
            let next = work.removeFirst()
            pthread_mutex_unlock(mutex)
            next()
        }
    }

    func perform(_ body: @escaping @Sendable () -> Void) {
        pthread_mutex_lock(mutex)
        work.append(body)
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    func performAndWait(_ body: @escaping @Sendable () -> Void) {
        let done = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
        sem_init(done, 0, 0)
        let box = Confined(done)
        perform {
            body()
            sem_post(box.value)
        }
        while sem_wait(done) != 0 {}
        sem_destroy(done)
        done.deallocate()
    }

    func stop() {
        performAndWait {}
        pthread_mutex_lock(mutex)
        isStopped = true
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }
}
