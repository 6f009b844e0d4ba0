//! What a command line looks like: a hint, as the process chose it and the kernel cut it.

use super::text::{clean, join, last};
use super::{Around, Found, Named, named};

/// One directory among the words of the command line.
pub(super) fn hinted(around: &Around<'_>, name: &[u8]) -> Option<Named> {
    let cmdline = around.cmdline.as_deref()?;
    let mut words = cmdline.split(|byte| *byte == 0).skip(1).filter(|word| {
        let is_path = word.first() == Some(&b'/') || word.ends_with(b"/");
        is_path && !word.iter().any(|byte| matches!(byte, b'\n' | b';' | b'*'))
    });
    let directory = words.next()?;
    // Of several nobody knows which.
    if words.next().is_some() || last(directory) == last(name) {
        return None;
    }
    let directory =
        if directory.first() == Some(&b'/') { clean(directory) } else { join(around.here()?, directory) };
    // It may be anywhere below.
    Some(named([&directory, &b"/?/"[..], last(name)].concat(), Found::Cmdline))
}
