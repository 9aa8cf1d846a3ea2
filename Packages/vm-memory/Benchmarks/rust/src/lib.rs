// SPDX-License-Identifier: Apache-2.0
//! The loops of baseline.c through the vm-memory crate, on a mapping that the caller made.
use std::hint::black_box;
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap, GuestRegionMmap, MmapRegion};

/// # Safety
/// `host` is a mapping of `size` bytes, at a page border, that outlives the result.
#[no_mangle]
pub unsafe extern "C" fn rust_memory(host: *mut u8, base: u64, size: usize) -> *mut GuestMemoryMmap {
    let region = MmapRegion::build_raw(host, size, libc_prot(), libc_flags()).expect("region");
    let region = GuestRegionMmap::new(region, GuestAddress(base)).expect("range");
    Box::into_raw(Box::new(GuestMemoryMmap::from_regions(vec![region]).expect("memory")))
}

fn libc_prot() -> i32 {
    1 | 2 // PROT_READ | PROT_WRITE
}

fn libc_flags() -> i32 {
    0x2 | 0x20 | 0x4000 // MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
}

#[no_mangle]
pub extern "C" fn rust_load(memory: &GuestMemoryMmap, base: u64, mask: u64, count: u64) -> u64 {
    let mut sum = 0u64;
    let mut offset = 0u64;
    for _ in 0..count {
        sum = sum.wrapping_add(memory.read_obj::<u64>(GuestAddress(base + offset)).unwrap_or(0));
        offset = (offset + 8) & mask;
    }
    black_box(sum)
}

#[no_mangle]
pub extern "C" fn rust_store(memory: &GuestMemoryMmap, base: u64, mask: u64, count: u64) {
    let mut offset = 0u64;
    for index in 0..count {
        let _ = memory.write_obj::<u64>(index, GuestAddress(base + offset));
        offset = (offset + 8) & mask;
    }
}

#[no_mangle]
pub extern "C" fn rust_chase(memory: &GuestMemoryMmap, start: u64, count: u64) -> u64 {
    let mut address = start;
    for _ in 0..count {
        address = memory.read_obj::<u64>(GuestAddress(address)).unwrap_or(start);
    }
    black_box(address)
}
