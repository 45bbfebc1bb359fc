// SPDX-License-Identifier: Apache-2.0
//! The plugin ABI 1.0 as Rust sees it: mortise/plugin.h, property.h, queue.h and error.h, as far as this plugin goes.

use std::ffi::{c_char, c_void};

#[repr(C)]
pub struct Device {
    _opaque: [u8; 0],
}

#[repr(C)]
pub struct Error {
    pub message: [u8; 512],
}

#[repr(C)]
pub struct IoVec {
    pub base: *mut u8,
    pub len: usize,
}

#[repr(C)]
pub struct Chain {
    pub output: *mut IoVec,
    pub input: *mut IoVec,
    pub output_count: u32,
    pub input_count: u32,
    pub output_size: u64,
    pub input_size: u64,
    pub private: *mut c_void,
    pub queue: u32,
    pub head: u32,
}

/// The host's table, up to the last service that this plugin uses.
#[repr(C)]
pub struct Host {
    pub size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub version: *const c_char,
    pub log: unsafe extern "C" fn(*mut Device, i32, *const c_char, ...),
    pub offer_features: unsafe extern "C" fn(*mut Device, u64),
    pub write_config: unsafe extern "C" fn(*mut Device, u32, *const c_void, u32),
    pub read_config: unsafe extern "C" fn(*mut Device, u32, *mut c_void, u32),
    pub needs_reset: unsafe extern "C" fn(*mut Device, *const c_char),
    pub queue_pop: unsafe extern "C" fn(*mut Device, u32) -> *mut Chain,
    pub queue_push: unsafe extern "C" fn(*mut Device, *mut Chain, u64),
}

#[repr(C)]
pub struct Property {
    pub name: *const c_char,
    pub kind: u32,
    pub flags: u32,
    pub offset: u32,
    pub reserved: u32,
    pub fallback: *const c_char,
    pub min: u64,
    pub max: u64,
    pub values: *const *const c_char,
    pub help: *const c_char,
}

pub const PROPERTY_U32: u32 = 3;

pub type Realize = unsafe extern "C" fn(*mut c_void, *mut Device, *const Host, *mut Error) -> i32;

/// A class. Callbacks that this plugin has no use for are null pointers; those after notify() are `others`: config_written,
/// quiesce, resume, reset, save, restore, block_changed, net_ready, timer, fd_ready, char_ready.
#[repr(C)]
pub struct Class {
    pub size: u32,
    pub property_size: u32,
    pub driver: *const c_char,
    pub summary: *const c_char,
    pub virtio_id: u32,
    pub queue_count: u32,
    pub features: u64,
    pub config_size: u32,
    pub instance_size: u32,
    pub request_size: u32,
    pub queue_size: u32,
    pub queue_features: u32,
    pub flags: u32,
    pub properties: *const Property,
    pub realize: Realize,
    pub unrealize: Option<unsafe extern "C" fn(*mut c_void)>,
    pub activate: *const c_void,
    pub notify: unsafe extern "C" fn(*mut c_void, u32),
    pub others: [*const c_void; 11],
}

#[repr(C)]
pub struct Plugin {
    pub magic: u32,
    pub size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub flags: u32,
    pub name: *const c_char,
    pub version: *const c_char,
    pub license: *const c_char,
    pub summary: *const c_char,
    pub classes: *const *const Class,
    pub init: *const c_void,
}

// Constant tables of constant strings.
unsafe impl Sync for Class {}
unsafe impl Sync for Plugin {}
