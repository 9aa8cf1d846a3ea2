// SPDX-License-Identifier: Apache-2.0
// The smallest guest that says something: says hello on COM1, then turns the machine off by the ACPI sleep register.
#include "pvh.h"

pvh_note start

    .text
    .code32
    .globl start
start:
    mov $message, %esi
    mov $0x3f8, %dx
1:  lodsb
    test %al, %al
    jz 2f
    out %al, %dx
    jmp 1b
2:  mov $0x600, %dx        // SLEEP_CONTROL_REG
    mov $(5 << 2 | 0x20), %al  // SLP_TYP 5 is S5 in swiftlet's tables, and SLP_EN
    out %al, %dx
3:  hlt
    jmp 3b

    .section .rodata
message:
    .asciz "Hello from bare metal\r\n"
