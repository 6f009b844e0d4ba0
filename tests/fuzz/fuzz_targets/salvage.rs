#![no_main]
//! Any bytes as an archive that was cut off.

use libfuzzer_sys::fuzz_target;
use phi_ir::seal::salvage::salvage;
use phi_ir::seal::unpack::{Interruption, NewFolder};

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = NewFolder::create(&dir.path().join("new"), Interruption::none()).unwrap();
    let _ = salvage(bytes, &mut folder);
    folder.discard().unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
});
