//! Shadow files, reduced: who has a usable password, made how, and how it ages. The hashes stay where they are.
//!
//! This is the one place where bytes of the host are parsed without being sealed: sealing them is what must not be.

use crate::collector::run::Run;
use crate::custody::entry::{Kind, Source};
use crate::custody::json;
use crate::custody::ledger::Draft;
use crate::custody::member::Member;
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
            Err(trouble) => {
                run.intake.trouble(&path, &trouble)?;
                continue;
            }
        };
        let mut rows = Vec::new();
        for line in reduce_shadow(&text) {
            json::row(&mut rows, &line)?;
        }
        let mut draft = Draft::new(Kind::Capture, Source::path(&path), taken);
        draft.title = Some(format!("{path}, reduced to algorithm, state and ageing"));
        run.intake.capture(Member::of_live("accounts", name), draft, rows)?;
    }
    Ok(())
}
