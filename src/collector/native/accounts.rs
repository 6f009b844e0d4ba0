//! Shadow files, reduced: who has a usable password, made how, and how it ages. The hashes stay where they are.
//!
//! This is the one place where bytes of the host are parsed without being sealed: sealing them is what must not be.

use crate::collector::run::Run;
use crate::collector::tables::Rows;
use crate::custody::entry::{Kind, Source};
use crate::custody::ledger::{Draft, Reason};
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

/// Bytes of each that are read: those of a quarter of a million accounts.
const SECRETS: u64 = 16 << 20;

/// Reduces each of them.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    for (path, name) in FILES {
        let Ok(path) = HostPath::new(path) else { continue };
        let taken = run.intake.now();
        let text = match run.host.peek(&path, SECRETS + 1) {
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
        let mut draft = Draft::new(Kind::Capture, Source::path(&path), taken);
        draft.title = Some(format!("{path}, reduced to algorithm, state and ageing"));
        reduced(run, name, draft, &text)?;
    }
    homes(run)
}

/// One of them, row by row.
fn reduced(run: &mut Run<'_, '_>, name: &str, draft: Draft, text: &[u8]) -> Result<(), Halt> {
    let cut = text.len() as u64 > SECRETS;
    // A line that is cut in the middle says something else than the whole one.
    let end = text.iter().rposition(|byte| *byte == b'\n').filter(|_| cut).unwrap_or(text.len());
    let mut sheet = Rows::begin(run, "accounts", name, draft)?;
    let mut named = false;
    for line in reduce_shadow(text.get(..end).unwrap_or_default()) {
        named |= !line.name.is_empty();
        sheet.row(run, &line)?;
    }
    let none = sheet.count == 0;
    sheet.end(run, |draft| {
        let (outcome, reason) = if cut {
            let words = format!("it is longer than {} MiB; what stands behind is not here", SECRETS >> 20);
            (Outcome::Truncated, Reason::new(ReasonCode::SizeLimit, words))
        } else if none {
            let words = "the file is there and holds no line";
            (Outcome::Inconclusive, Reason::new(ReasonCode::ZeroBytes, words))
        } else if !named {
            let words = "no line of it is one of such a file";
            (Outcome::Inconclusive, Reason::new(ReasonCode::NotParsed, words))
        } else {
            return;
        };
        *draft = draft.clone().ended(outcome, reason);
    })?;
    Ok(())
}

/// What keeps a home from being looked at by the other collectors.
fn homes(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let (unread, mut told) = (&run.places.unread, Vec::new());
    if !unread.damaged.is_empty() {
        let numbers: Vec<String> = unread.damaged.iter().map(usize::to_string).collect();
        let more = if unread.more == 0 { String::new() } else { format!(" and {} more", unread.more) };
        let words = format!(
            "damaged, so that the homes they name were not looked at: lines {}{more} of /etc/passwd, which is sealed whole",
            numbers.join(", ")
        );
        told.push((Outcome::Inconclusive, ReasonCode::NotParsed, words));
    }
    if unread.past_most > 0 {
        let words = format!(
            "/etc/passwd names more homes than are looked at; those of so many accounts were not: {}",
            unread.past_most
        );
        told.push((Outcome::Truncated, ReasonCode::CountLimit, words));
    }
    if unread.behind {
        let words =
            "/etc/passwd is longer than 16 MiB: the homes that stand behind were not looked at".to_owned();
        told.push((Outcome::Truncated, ReasonCode::SizeLimit, words));
    }
    for (outcome, code, words) in told {
        run.intake.gap(Source::text("homes"), outcome, Reason::new(code, words))?;
    }
    Ok(())
}
