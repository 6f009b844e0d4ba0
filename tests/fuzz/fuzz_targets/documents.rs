#![no_main]
//! Any bytes as each of the documents that come with a bundle.

use libfuzzer_sys::fuzz_target;
use phi_ir::custody::entry::{ENTRY_LIMIT, Entry};
use phi_ir::custody::plan::{PLAN_LIMIT, PlanDocument};
use phi_ir::custody::receipt::{RECEIPT_LIMIT, Receipt};
use phi_ir::custody::seal::{SEAL_LIMIT, SealDocument};
use phi_ir::custody::{bag, json, signers};
use phi_ir::seal::envelope::{Identities, Recipients};
use phi_ir::seal::signature;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = json::read::<Entry>(bytes, ENTRY_LIMIT) {
        let written = json::line(&entry).unwrap();
        assert_eq!(json::read::<Entry>(&written, usize::MAX).unwrap(), entry);
    }
    let _ = json::read::<PlanDocument>(bytes, PLAN_LIMIT);
    let _ = json::read::<Receipt>(bytes, RECEIPT_LIMIT);
    let _ = json::read::<SealDocument>(bytes, SEAL_LIMIT);
    let _ = bag::read_list(bytes);
    let _ = signature::check(bytes, bag::SEAL_NAMESPACE, b"text");
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = signers::parse(text);
        let _ = Identities::parse(text, "key");
        let _ = Recipients::none().add_file(text, "file", "recipients");
    }
});
