//! Journal files.

use super::*;

#[test]
fn what_is_no_journal_is_refused() {
    assert!(matches!(Journal::open(&b"LPKS"[..], 4), Err(Refused::Header(Unread::Short))));
    assert!(matches!(Journal::open(&b""[..], 0), Err(Refused::Header(_))));
}
