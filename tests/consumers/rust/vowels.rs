// SPDX-License-Identifier: Apache-2.0
//! Counts vowels: an example of a tool in Rust by the C ABI of llmspell/tool.h, with rustc alone.
use std::ffi::CStr;
use std::os::raw::{c_char, c_int, c_void};
use std::panic::catch_unwind;

#[repr(C)]
pub struct Json {
    _opaque: [u8; 0],
}

#[link(name = "jansson")]
extern "C" {
    fn json_object_get(object: *const Json, key: *const c_char) -> *mut Json;
    fn json_string_value(string: *const Json) -> *const c_char;
    fn json_object() -> *mut Json;
    fn json_integer(value: i64) -> *mut Json;
    fn json_object_set_new(object: *mut Json, key: *const c_char, value: *mut Json) -> c_int;
}

/// struct llmspell_host, as far as it is used here.
#[repr(C)]
pub struct Host {
    size: u32,
    abi_major: u16,
    abi_minor: u16,
    log: extern "C" fn(*mut c_void, i32, *const c_char),
    fail: extern "C" fn(*mut Call, i32, *const c_char, *const c_char) -> i32,
}

/// struct llmspell_call.
#[repr(C)]
pub struct Call {
    size: u32,
    reserved: u32,
    host: *const Host,
    context: *mut c_void,
}

type Open = extern "C" fn(*mut Call, *const Json, *mut *mut c_void) -> i32;
type Invoke = extern "C" fn(*mut c_void, *mut Call, *const Json, *mut *mut Json) -> i32;

/// struct llmspell_tool. All of it is constant, so that threads may share it.
#[repr(C)]
pub struct Tool {
    size: u32,
    abi_major: u16,
    needs_minor: u16,
    json_identity: unsafe extern "C" fn(*const Json, *const c_char) -> *mut Json,
    open: Option<Open>,
    invoke: Option<Invoke>,
    close: Option<extern "C" fn(*mut c_void)>,
}

const EPARSE: i32 = -2; // LLMSPELL_EPARSE
const EFAILED: i32 = -11; // LLMSPELL_EFAILED

fn vowels(text: &str) -> i64 {
    text.chars().filter(|c| "aeiouAEIOU".contains(*c)).count() as i64
}

fn fail(call: *mut Call, code: i32, message: &CStr) -> i32 {
    let path = CStr::from_bytes_with_nul(b"/text\0").unwrap();
    // The call and its host live as long as the call.
    unsafe { ((*(*call).host).fail)(call, code, path.as_ptr(), message.as_ptr()) }
}

/// The schema of the manifest says that "text" is a string.
unsafe fn count(call: *mut Call, params: *const Json, ret_result: *mut *mut Json) -> i32 {
    let text = json_string_value(json_object_get(params, b"text\0".as_ptr().cast()));
    let text = match CStr::from_ptr(text).to_str() {
        Ok(text) if !text.is_empty() => text,
        _ => return fail(call, EPARSE, CStr::from_bytes_with_nul(b"the text is empty\0").unwrap()),
    };
    let result = json_object();
    json_object_set_new(result, b"vowels\0".as_ptr().cast(), json_integer(vowels(text)));
    *ret_result = result;
    0
}

/// A panic must not leave Rust: it becomes an error of the call.
extern "C" fn invoke(_: *mut c_void, call: *mut Call, params: *const Json, ret: *mut *mut Json) -> i32 {
    catch_unwind(|| unsafe { count(call, params, ret) })
        .unwrap_or_else(|_| fail(call, EFAILED, CStr::from_bytes_with_nul(b"it panicked\0").unwrap()))
}

#[no_mangle]
#[allow(non_upper_case_globals)]
pub static llmspell_tool_v1: Tool = Tool {
    size: std::mem::size_of::<Tool>() as u32,
    abi_major: 1,
    needs_minor: 0,
    json_identity: json_object_get,
    open: None,
    invoke: Some(invoke),
    close: None,
};
