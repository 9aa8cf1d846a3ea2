// SPDX-License-Identifier: Apache-2.0
// The note by which an ELF says that it can be entered by the PVH protocol: XEN_ELFNOTE_PHYS32_ENTRY (18).
.macro pvh_note entry
    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18
    .asciz "Xen"
    .long \entry
.endm
