//! Looks up a user that no file knows, with and without the fix: the control of `name_service.rs`. Never shipped.

#![expect(unsafe_code, reason = "calls the C library, to show how it crashes")]

unsafe extern "C" {
    fn getpwnam(name: *const std::ffi::c_char) -> *const std::ffi::c_void;
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("fixed") {
        phi_ir::host::sys::keep_name_service_to_files();
    }
    // SAFETY: the name is NUL-terminated; the result is only compared with null.
    let found = unsafe { getpwnam(c"nobody-of-this-name".as_ptr()) };
    std::process::exit(if found.is_null() { 0 } else { 1 });
}
