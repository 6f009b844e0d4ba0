//! What is to be known of the pairing of login records, in words.

use crate::custody::outcome::counted;
use crate::records::login_pairing::Found;

/// Records that stood in an earlier file already: no lack.
pub fn copies(found: &Found) -> Option<String> {
    told(found.copies, "record", "of wtmp that an earlier file held as well, counted once")
}

/// Records of which copies would count again.
pub fn copies_unknown(found: &Found) -> Option<String> {
    let words = "of wtmp not remembered: those that another file holds as well count twice";
    told(found.copies_unknown, "record", words)
}

/// Sessions whose end is not known for want of room.
pub fn not_followed(found: &Found) -> Option<String> {
    told(found.not_followed, "session", "of wtmp not followed to their end: too many at once")
}

fn told(count: u64, what: &str, words: &str) -> Option<String> {
    (count > 0).then(|| format!("{} {words}", counted(count, what)))
}
