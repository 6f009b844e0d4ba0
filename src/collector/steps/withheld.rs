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
        let secret = is_secret(&found.spot.path) || is_secret(&found.spot.real);
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

fn is_secret(path: &HostPath) -> bool {
    const SECRETS: [&[u8]; 5] =
        [b"/etc/shadow", b"/etc/shadow-", b"/etc/gshadow", b"/etc/gshadow-", b"/etc/security/opasswd"];
    SECRETS.contains(&path.as_bytes())
}
