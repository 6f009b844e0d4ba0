//! What is not taken although a definition or a person asks for the folder that it lies in.

use rustix::fs::FileType;

use crate::collector::run::Run;
use crate::custody::entry::Source;
use crate::custody::ledger::Reason;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::walk::Match;
use crate::intake::Halt;
use crate::path::HostPath;

/// What a copy step came across and must not take, counted: password hashes never leave the host, and the content of
/// PHI files only where it was asked for with a reason.
#[derive(Default)]
pub struct Withheld {
    secrets: u64,
    content: u64,
}

impl Withheld {
    /// Whether the file is not to be taken; it is counted then.
    pub fn holds_back(&mut self, run: &Run<'_, '_>, found: &Match) -> bool {
        // A link is a name; what it leads to is looked at when it is taken.
        if found.met.kind != FileType::RegularFile {
            return false;
        }
        let secret = run.places.secrets.contains(&found.met.identity) || is_secret(&found.spot.real);
        let content = !secret && !run.request.include_content && run.is_below_phi(found);
        self.secrets += u64::from(secret);
        self.content += u64::from(content);
        secret || content
    }

    /// An entry for each kind of what was held back.
    pub fn tell(self, run: &mut Run<'_, '_>) -> Result<(), Halt> {
        let told = [
            (
                self.secrets,
                ReasonCode::Secret,
                "of password hashes: they never leave the host; the collector 'accounts' takes what can be told of them",
            ),
            (
                self.content,
                ReasonCode::PhiContent,
                "below PHI folders: their content is taken only with --include-content and a reason",
            ),
        ];
        for (count, code, words) in told {
            if count > 0 {
                let words = format!("not taken, {count} files {words}");
                run.intake.gap(Source::text("withheld"), Outcome::Skipped, Reason::new(code, words))?;
            }
        }
        Ok(())
    }
}

/// Whether a file is called as those with password hashes are, or their copies, anywhere: the tree of a container or a
/// snapshot has its own.
fn is_secret(path: &HostPath) -> bool {
    let parent = path.parent();
    let stem =
        [&b"gshadow"[..], b"shadow", b"opasswd"].iter().find_map(|stem| path.name().strip_prefix(*stem));
    let is_copy = stem.is_some_and(|rest| rest.first().is_none_or(|next| b"-+.~".contains(next)));
    is_copy && [&b"etc"[..], b"security", b"backups"].contains(&parent.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names_anywhere() {
        let is = |path: &str| is_secret(&HostPath::new(path).unwrap());
        for path in [
            "/etc/shadow",
            "/etc/gshadow-",
            "/etc/shadow.old",
            "/etc/shadow+",
            "/srv/chroot/etc/shadow",
            "/var/backups/shadow.bak",
            "/etc/security/opasswd.old",
        ] {
            assert!(is(path), "{path}");
        }
        for path in ["/srv/www/shadow.css", "/etc/shadowsocks.json", "/etc/passwd", "/etc/default/shadow"] {
            assert!(!is(path), "{path}");
        }
    }
}
