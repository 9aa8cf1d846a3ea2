// SPDX-License-Identifier: Apache-2.0

// Who compiles policies also runs, stores and installs programs: one import gives both.
@_exported public import SeccompilerBPF
