#![no_main]
//! Any bytes as the clear archive.

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use phi_ir::seal::inspect::{Nowhere, inspect};

fuzz_target!(|bytes: &[u8]| {
    let _ = inspect(Cursor::new(bytes), &mut Nowhere);
});
