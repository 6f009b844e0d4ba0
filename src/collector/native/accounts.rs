//! Shadow files, reduced: who has a usable password, made how, and how it ages. The hashes stay where they are.
//!
//! This is the one place where bytes of the host are parsed without being sealed: sealing them is what must not be.

use crate::collector::run::Run;
use crate::custody::entry::{Kind, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::Trouble;
use crate::host::place::Place;
use crate::intake::Halt;
use crate::path::HostPath;
use crate::records::accounts::reduce_shadow;

/// The files, and the member that each is reduced to.
const FILES: [(&str, &str); 4] = [
    ("/etc/shadow", "shadow.jsonl"),
    ("/etc/gshadow", "gshadow.jsonl"),
    ("/etc/shadow-", "shadow-before.jsonl"),
    ("/etc/gshadow-", "gshadow-before.jsonl"),
];

/// Reduces each of them.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    for (path, name) in FILES {
        let Ok(path) = HostPath::new(path) else { continue };
        let taken = run.intake.now();
        let text = match run.host.peek(&path, 64 << 20) {
            Ok(text) => text,
            // Only the first is on every system.
            Err(Trouble::Missing(_)) if name != FILES[0].1 => {
                let reason = Reason::new(ReasonCode::NotFound, "this system does not keep such a file");
                run.intake.gap(Source::path(&path), Outcome::Empty, reason)?;
                continue;
            }
            Err(trouble) => {
                run.intake.trouble(&Place::plain(&path), &trouble)?;
                continue;
            }
        };
        let lines = reduce_shadow(&text);
        let mut rows = Vec::new();
        for line in &lines {
            json::row(&mut rows, line)?;
        }
        let mut draft = Draft::new(Kind::Capture, Source::path(&path), taken);
        draft.title = Some(format!("{path}, reduced to algorithm, state and ageing"));
        if lines.is_empty() {
            let reason = Reason::new(ReasonCode::ZeroBytes, "the file is there and holds no line");
            draft = draft.ended(Outcome::Inconclusive, reason);
        } else if lines.iter().all(|line| line.name.is_empty()) {
            let reason = Reason::new(ReasonCode::NotParsed, "no line of it is one of such a file");
            draft = draft.ended(Outcome::Inconclusive, reason);
        }
        run.intake.capture(Member::of_live("accounts", name), draft, rows)?;
    }
    homes(run)
}

/// What keeps a home from being looked at by the other collectors.
fn homes(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let unread: Vec<String> = run.places.unread.iter().map(usize::to_string).collect();
    if !unread.is_empty() {
        let words = format!(
            "damaged, so that the homes they name were not looked at: lines {} of /etc/passwd, which is sealed whole",
            unread.join(", ")
        );
        let reason = Reason::new(ReasonCode::NotParsed, words);
        run.intake.gap(Source::text("homes"), Outcome::Inconclusive, reason)?;
    }
    Ok(())
}
