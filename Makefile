# SPDX-License-Identifier: Apache-2.0
# The front door. `make help` lists the targets.

SHELL := /bin/bash
SWIFT ?= swift
STATIC := --disable-local-rpath -Xswiftc -static-executable -Xswiftc -use-ld=lld -Xswiftc -Xclang-linker -Xswiftc -static-pie -Xlinker -s
# SwiftProtobuf imports all of Foundation for calls that nobody makes here; without its libraries, and with unused code left
# out by the linker, shim and agent are 19 MB instead of 64 MB.
WITHOUT_FOUNDATION := $(foreach library,Foundation CoreFoundation FoundationInternationalization _FoundationICU,-Xswiftc -Xfrontend -Xswiftc -disable-autolink-library -Xswiftc -Xfrontend -Xswiftc $(library))
# Policies and a histogram, or --names, and the Swift that becomes of them.
compile-filters = mkdir -p .build && $(SWIFT) run --package-path Packages/seccompiler SeccompilerFilters $(1) > .build/filters.swift && $(SWIFT) format --configuration .swift-format .build/filters.swift > $(2)
BIN := .build/release
NEST := Runtimes/nest/.build/release
GUEST := .build/guest
PREFIX := /usr/local
DESTDIR :=
VERSION := 0.1.0

.DEFAULT_GOAL := help
.PHONY: help doctor deps build build-release guest-init build-nest guest-image stage install uninstall dist check test soak mutants bench fuzz fuzz-list docs release lab demo seccomp-filters format lint clean

help: ## Lists the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

doctor: ## Tells what this machine can do natively and what will run in the lab
	@Tests/doctor

deps: ## Installs the Debian packages that building and testing need (lists them first)
	@Tests/Lab/install-deps build lab demo

build: ## Builds all packages and programs (debug)
	@$(SWIFT) build -Xswiftc -warnings-as-errors

build-release: guest-init ## Builds swiftlet as one static position-independent executable, and the guest's init
	@$(SWIFT) build -c release --disable-index-store $(STATIC) --product swiftlet

guest-init: ## Builds the guest's first process
	@$(SWIFT) build -c release --disable-local-rpath --package-path Runtimes/guest-init

build-nest: ## Builds the container runtime's programs: shim, agent, command
	@for product in containerd-shim-nest-v2 nest-agent nest; do $(SWIFT) build -c release --package-path Runtimes/nest --disable-index-store $(STATIC) $(WITHOUT_FOUNDATION) --product $$product || exit 1; done

guest-image: build-release build-nest ## Makes what a pod's machine boots from, in .build/guest: kernel, initramfs, system image
	@Runtimes/nest/Guest/make-guest-image --swiftlet $(BIN)/swiftlet --init Runtimes/guest-init/.build/release/guest-init --agent $(NEST)/nest-agent --output $(GUEST)

stage: guest-image
	@Runtimes/nest/Install/stage --programs $(BIN) --programs $(NEST) --guest $(GUEST) --output .build/stage

install: stage ## Installs the container runtime: make install [PREFIX=/usr/local] [DESTDIR=DIR]; an edited configuration stays
	@.build/stage/install PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

uninstall: ## Takes away what make install placed, with the same PREFIX and DESTDIR
	@Runtimes/nest/Install/uninstall PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

dist: stage ## Makes one archive of static programs and guest image, with its own install and uninstall
	@Runtimes/nest/Install/pack .build/stage .build/nest-$(VERSION)-x86_64.tar.gz

check: ## Format, warnings, tidy and unit tests: no root, no KVM; eight minutes at most from a fresh clone
	@Tests/run check

test: ## Everything, on real KVM where needed in the lab: half an hour on an idle machine
	@Tests/run test

soak: ## Full counts, all combinations and faults (about two hours)
	@Tests/run soak

mutants: ## Plants faults in the virtio packages, each of which a named test must find: make mutants [WORD=...]
	@Tests/mutants $(WORD)

bench: build-release ## One table per package, each figure beside a baseline of the same run
	@Tests/bench

fuzz: ## Fuzzes one parser: make fuzz TARGET=descriptor-chain SECONDS=60
	@Fuzz/run "$(TARGET)" "$(or $(SECONDS),60)" $(SEED)

fuzz-list: ## Lists the fuzz targets
	@Fuzz/list

docs: build ## Makes the packages' reference and articles in .build/docs; a warning fails
	@docs/make-reference .build/debug .build/docs

release: ## Releases one package: make release PACKAGE=vm-memory VERSION=0.1.0 URL=https://host/group (docs/versioning.md)
	@Packages/release "$(PACKAGE)" "$(if $(filter command,$(origin VERSION)),$(VERSION))"

lab: ## Runs a command in a virtual machine with working KVM: make lab CMD='uname -a'
	@Tests/Lab/lab -- bash -c "$(or $(CMD),uname -a)"

demo: ## Boots a Debian image's command in a microVM, from nothing
	@Tests/demo

seccomp-filters: ## Compiles the seccomp policies (Runtimes/*/Policy) to the Swift that the programs are built from
	@$(call compile-filters,--names,Packages/seccompiler/Sources/SeccompilerBPF/SystemCall+Names.swift)
	@$(call compile-filters,$(sort $(wildcard Runtimes/nest/Policy/*.json)),Runtimes/nest/Sources/NestSandbox/CompiledFilters.swift)
	@$(call compile-filters,$(sort $(wildcard Runtimes/swiftlet/Policy/*.json)) Runtimes/swiftlet/Policy/histogram.txt,Runtimes/swiftlet/Sources/SwiftletVMM/Sandbox/CompiledFilters.swift)

format: ## Formats all Swift sources in place
	@$(SWIFT) format -i -r -p Package.swift Packages Runtimes Tests Fuzz Examples

lint: ## Fails if a Swift source is not formatted
	@$(SWIFT) format lint -s -r -p Package.swift Packages Runtimes Tests Fuzz Examples

clean: ## Removes what was built
	@rm -rf .build Packages/*/.build Packages/*/Benchmarks/.build Runtimes/*/.build Tests/*/.build Fuzz/.build Examples/.build
