// SPDX-License-Identifier: Apache-2.0

/// Where the root manifest and a package's own manifest do not say the same.
public enum ManifestDrift {
    /// Compares one package with the root. Examples are built from their package only.
    /// - Parameter folder: the package's folder, from the top.
    public static func findings(root: Manifest, package: Manifest, folder: String) -> [Finding] {
        var findings: [Finding] = []
        for target in package.targets where !(target.path ?? "").hasPrefix("Examples/") {
            let parent = target.type == "test" ? "Tests" : "Sources"
            let path = target.path.map { "\(folder)/\($0)" } ?? "\(folder)/\(parent)/\(target.name)"
            guard let twin = root.targets.first(where: { $0.name == target.name }) else {
                findings.append(
                    Finding("Package.swift", "lacks target \(target.name) of \(folder): add it with path \(path)"))
                continue
            }
            if twin.path != path {
                findings.append(
                    Finding("Package.swift", "target \(target.name): path is \(twin.path ?? "none"), use \(path)"))
            }
            if twin.type != target.type {
                findings.append(
                    Finding("Package.swift", "target \(target.name): \(twin.type), in \(folder) \(target.type)"))
            }
            if twin.dependencies != target.dependencies {
                findings.append(
                    Finding(
                        "Package.swift",
                        "target \(target.name): depends on \(twin.dependencies), in \(folder) on \(target.dependencies)"
                    ))
            }
            if twin.settings != target.settings {
                findings.append(
                    Finding("Package.swift", "target \(target.name): settings differ from those in \(folder)"))
            }
        }
        for product in package.products
        where !root.products.contains(where: { $0.name == product.name && $0.targets == product.targets }) {
            findings.append(
                Finding("Package.swift", "lacks product \(product.name) of \(folder) with targets \(product.targets)"))
        }
        return findings
    }

    /// Targets of the root that no package has.
    public static func orphans(root: Manifest, packages: [Manifest]) -> [Finding] {
        let known = Set(packages.flatMap { $0.targets.map(\.name) })
        return root.targets.filter { !known.contains($0.name) }.map {
            Finding("Package.swift", "target \($0.name) is in no package's manifest: remove it here or add it there")
        }
    }
}
