#![no_main]
//! Any bytes as a path.

use libfuzzer_sys::fuzz_target;
use phi_ir::custody::member::{MEMBER_LIMIT, Member, Members};
use phi_ir::host::pattern::Pattern;
use phi_ir::path::{HostPath, shown};

fuzz_target!(|bytes: &[u8]| {
    let text = shown(bytes);
    assert!(!text.chars().any(char::is_control));
    let mut members = Members::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(path) = HostPath::new(line) {
            let first = members.claim(Member::of_file(&path), path.as_bytes());
            let second = members.claim(Member::of_file(&path), path.as_bytes());
            assert_ne!(first.as_str().to_ascii_lowercase(), second.as_str().to_ascii_lowercase());
            for member in [first, second] {
                assert!(member.as_str().len() <= MEMBER_LIMIT, "{member}");
                assert!(Member::parse(member.as_str()).is_ok(), "{member}");
            }
            assert!(Pattern::exactly(&path).matches(&path));
        }
        if let Ok(pattern) = std::str::from_utf8(line).map(Pattern::new) {
            let _ = pattern.map(|pattern| pattern.matches(&HostPath::root()));
        }
    }
});
