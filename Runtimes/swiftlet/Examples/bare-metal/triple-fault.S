// SPDX-License-Identifier: Apache-2.0
// A guest that gives up: a read through a null segment, with no table to find the handler of its fault in.
#include "pvh.h"

pvh_note start

    .text
    .code32
    .globl start
start:
    lidt empty
    xor %eax, %eax
    mov %ax, %ds
    mov (%eax), %eax
    int $3                 // where segments are not checked
    hlt

    .section .rodata
empty:
    .word 0
    .long 0
