// SPDX-License-Identifier: Apache-2.0

/// First in, first out. Whoever adds bounds it.
struct FIFO<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var count: Int { elements.count &- head }
    var isEmpty: Bool { count == 0 }

    /// What is in it, the first first.
    var all: [Element] { elements.dropFirst(head).compactMap { $0 } }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        let element = elements[head]
        elements[head] = nil
        head &+= 1
        if head == elements.count {
            elements.removeAll(keepingCapacity: head <= 1024)
            head = 0
        } else if head >= 64, head &* 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    mutating func removeAll() {
        elements.removeAll()
        head = 0
    }

    mutating func removeAll(where isUnwanted: (Element) -> Bool) {
        elements.removeAll { $0.map(isUnwanted) ?? true }
        head = 0
    }
}
