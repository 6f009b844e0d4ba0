//! Texts that the kernel makes while they are read: tables below /proc/net, which each network namespace has for
//! itself, and the list of modules.

use std::io::Read as _;

use rustix::io::Errno;

use super::netlink::Ending;
use super::netns::NetworkNamespace;
use super::{Host, Trouble};
use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode};

/// Bytes of one text at most: what half a million sockets give.
const LIMIT: usize = 64 << 20;

/// A text of the kernel's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// It, as it came.
    pub bytes: Vec<u8>,
    /// It is longer.
    pub cut: bool,
}

/// A text, or why it could not be had, by its name in /proc/net.
pub type NamedText = (&'static str, Result<Text, Trouble>);

impl Text {
    /// How its reading ended, for the capture that it goes into.
    pub fn ending(&self) -> Ending {
        if self.cut { Ending::TooLong(self.bytes.len()) } else { Ending::Done }
    }

    /// What is wrong with it, if it is not whole; `name` is what was read.
    pub fn verdict(&self, name: &str) -> Option<(Outcome, Reason)> {
        let words = || format!("{name}: longer than the {} bytes that are taken", self.bytes.len());
        self.cut.then(|| (Outcome::Truncated, Reason::new(ReasonCode::SizeLimit, words())))
    }
}

impl Host {
    /// Files of `/proc/net` as they are in `namespace`.
    pub fn net_texts(
        &self,
        namespace: &NetworkNamespace,
        names: Vec<&'static str>,
    ) -> Result<Vec<NamedText>, Trouble> {
        let place = format!("/proc/net of network namespace {}", namespace.inode);
        if !self.is_live() {
            return Err(Trouble::Missing(place));
        }
        self.inside(Some(namespace), &place, move || {
            Ok(names.into_iter().map(|name| (name, net_text(name))).collect())
        })
    }

    /// The list of loaded modules, /proc/modules. A kernel without modules has none, which is an empty text.
    pub fn modules(&self) -> Result<Text, Trouble> {
        let place = "/proc/modules";
        if !self.is_live() {
            return Err(Trouble::Missing(place.into()));
        }
        match read(place, place) {
            Err(Trouble::Missing(_)) => Ok(Text { bytes: Vec::new(), cut: false }),
            text => text,
        }
    }
}

/// Of the thread's own namespace, which is not the process's.
fn net_text(name: &str) -> Result<Text, Trouble> {
    read(&format!("/proc/thread-self/net/{name}"), &format!("/proc/net/{name}"))
}

fn read(path: &str, place: &str) -> Result<Text, Trouble> {
    let trouble = |error: std::io::Error| match Errno::from_io_error(&error) {
        Some(errno) => Trouble::from_errno(errno, place),
        None => Trouble::Io(place.into(), error),
    };
    let file = std::fs::File::open(path).map_err(trouble)?;
    let mut bytes = Vec::new();
    file.take(LIMIT as u64 + 1).read_to_end(&mut bytes).map_err(trouble)?;
    let cut = bytes.len() > LIMIT;
    bytes.truncate(LIMIT);
    Ok(Text { bytes, cut })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_our_own_namespace_are_read() {
        let host = Host::live(&[]).unwrap();
        let scan = host.scan_network().unwrap();
        let texts = host.net_texts(&scan.namespaces[0], vec!["protocols", "nonsense"]).unwrap();
        let protocols = texts[0].1.as_ref().unwrap();
        assert!(protocols.bytes.starts_with(b"protocol ") && !protocols.cut);
        assert!(protocols.verdict("protocols").is_none());
        assert!(matches!(texts[1].1, Err(Trouble::Missing(_))));
    }

    #[test]
    fn a_longer_text_is_cut_and_says_so() {
        let text = read("/dev/zero", "/proc/net/endless").unwrap();
        assert!(text.cut && text.bytes.len() == LIMIT);
        let (outcome, reason) = text.verdict("/proc/net/endless").unwrap();
        assert_eq!((outcome, reason.code), (Outcome::Truncated, ReasonCode::SizeLimit));
        assert!(matches!(text.ending(), Ending::TooLong(LIMIT)));
        assert!(matches!(read("/nonsense", "x"), Err(Trouble::Missing(place)) if place == "x"));
    }

    #[test]
    fn modules_are_as_the_kernel_lists_them() {
        let text = Host::live(&[]).unwrap().modules().unwrap();
        assert_eq!(text.bytes, std::fs::read("/proc/modules").unwrap_or_default());
    }
}
