// SPDX-License-Identifier: Apache-2.0
// The kernel's own numbers, as the installed headers give them, for the tests to compare with.
#ifndef CKVMIOCTLSABI_H
#define CKVMIOCTLSABI_H

/// The number of a request such as KVM_RUN; -1 if the headers do not have it.
long ckvm_request(const char *name);
/// The number of a capability such as KVM_CAP_IRQFD; -1 if the headers do not have it.
long ckvm_capability(const char *name);
/// The size of "kvm_regs", or the offset of "kvm_regs.rip"; -1 if this table does not have it.
long ckvm_layout(const char *name);
/// The value of a constant such as KVM_EXIT_IO; -1 if this table or the headers do not have it.
long ckvm_constant(const char *name);

#endif
