// SPDX-License-Identifier: Apache-2.0
//! An entropy device (virtio 1.2, 5.4) in Rust, to see that the ABI serves it: bytes that count up, as random as any.

mod abi;

use abi::*;
use std::ffi::{c_char, c_void};
use std::mem::{offset_of, size_of};
use std::ptr::null;
use std::slice;

/// The host allocates it, zeroed, and stores the properties before realize().
#[repr(C)]
struct Instance {
    step: u32,
    next: u8,
    host: *const Host,
    device: *mut Device,
}

unsafe extern "C" fn realize(own: *mut c_void, device: *mut Device, host: *const Host, _: *mut Error) -> i32 {
    let instance = &mut *own.cast::<Instance>();
    instance.host = host;
    instance.device = device;
    0
}

/// A driver may ask for gigabytes; a callback is to return soon.
const MOST: usize = 4096;

/// Fills the buffers that the device may write; how many bytes that was.
unsafe fn fill(instance: &mut Instance, chain: &Chain) -> u64 {
    let mut done = 0;
    for i in 0..chain.input_count as usize {
        let buffer = &*chain.input.add(i);
        let size = buffer.len.min(MOST - done);
        for byte in slice::from_raw_parts_mut(buffer.base, size) {
            *byte = instance.next;
            instance.next = instance.next.wrapping_add(instance.step as u8);
        }
        done += size;
    }
    done as u64
}

unsafe extern "C" fn notify(own: *mut c_void, queue: u32) {
    let instance = &mut *own.cast::<Instance>();
    let host = &*instance.host;
    loop {
        let chain = (host.queue_pop)(instance.device, queue);
        if chain.is_null() {
            return;
        }
        let written = fill(instance, &*chain);
        (host.queue_push)(instance.device, chain, written);
    }
}

const fn text(with_nul: &'static str) -> *const c_char {
    with_nul.as_ptr().cast()
}

struct Table<T>(T);
unsafe impl<T> Sync for Table<T> {}

const END: Property = Property {
    name: null(),
    kind: 0,
    flags: 0,
    offset: 0,
    reserved: 0,
    fallback: null(),
    min: 0,
    max: 0,
    values: null(),
    help: null(),
};

static PROPERTIES: Table<[Property; 2]> = Table([
    Property {
        name: text("step\0"),
        kind: PROPERTY_U32,
        offset: offset_of!(Instance, step) as u32,
        fallback: text("1\0"),
        min: 1,
        max: 255,
        help: text("how far one byte is from the next\0"),
        ..END
    },
    END,
]);

static CLASS: Class = Class {
    size: size_of::<Class>() as u32,
    property_size: size_of::<Property>() as u32,
    driver: text("counter\0"),
    summary: text("Bytes that count up\0"),
    virtio_id: 4,
    queue_count: 1,
    features: 0,
    config_size: 0,
    instance_size: size_of::<Instance>() as u32,
    request_size: 0,
    queue_size: 0,
    queue_features: 0,
    flags: 0,
    properties: PROPERTIES.0.as_ptr(),
    realize,
    unrealize: None,
    activate: null(),
    notify,
    others: [null(); 11],
};

static CLASSES: Table<[*const Class; 2]> = Table([&CLASS, null()]);

#[no_mangle]
#[allow(non_upper_case_globals)]
pub static mortise_plugin_v1: Plugin = Plugin {
    magic: 0x4d52_5453,
    size: size_of::<Plugin>() as u32,
    abi_major: 1,
    abi_minor: 0,
    flags: 0,
    name: text("counter\0"),
    version: text("1.0.0\0"),
    license: text("Apache-2.0\0"),
    summary: text("A device in Rust\0"),
    classes: CLASSES.0.as_ptr(),
    init: null(),
};
