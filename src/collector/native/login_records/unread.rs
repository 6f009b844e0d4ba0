//! The sources of login records that could not be read, or were not there: whoever has the tables alone must not take
//! what they do not hold for what did not happen.

use super::sources::is_companion;
use super::table::Table;
use crate::collector::run::Run;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows::logins::LoginSourceRow;
use crate::custody::rows::text;
use crate::intake::Shortfall;

/// Gives each a row in the table of sources. What may hold records makes the tables say so.
pub fn tell(run: &Run<'_, '_>, table: &mut Table) {
    for short in run.intake.shortfalls().iter().filter(|short| holds_logins(short)) {
        let row = row(short);
        // Its records, or why they are not there, stand in the row that it has.
        if table.has(&row) || is_told_elsewhere(short) {
            continue;
        }
        let in_doubt = short.may_hide_something().then(|| {
            let code = short.code().unwrap_or(ReasonCode::Unknown);
            (code, format!("{} ({})", row.file, short.outcome.word()))
        });
        table.add_unread(row, in_doubt);
    }
}

/// Another row, or another step, has it.
fn is_told_elsewhere(short: &Shortfall) -> bool {
    let told = [ReasonCode::TakenOtherwise, ReasonCode::ZeroBytes];
    // A log without a byte is one whose database has taken all of it.
    let is_idle =
        short.outcome == Outcome::Collected && short.source.places().any(|path| is_companion(&path));
    is_idle || short.code().is_some_and(|code| told.contains(&code))
}

/// logind's state files are text, which sessions-live reads; all else that this collector copies holds login records.
fn holds_logins(short: &Shortfall) -> bool {
    let of_logind = |path: &str| path.starts_with("/run/systemd/");
    !short.source.display.split_whitespace().all(of_logind)
}

fn row(short: &Shortfall) -> LoginSourceRow {
    let exact = short.source.path_b64.as_ref().map(|path| text(&path.0));
    let (file, file_b64) = exact.unwrap_or_else(|| (short.source.display.clone(), None));
    let without_a_byte =
        "it is there and holds no byte: nothing was ever written to it, it was begun anew, or it was emptied";
    let (outcome, reason) = match &short.reason {
        Some(reason) => (short.outcome, reason.words.clone()),
        None => (Outcome::Inconclusive, without_a_byte.to_owned()),
    };
    LoginSourceRow {
        entry: Some(short.entry),
        file,
        file_b64,
        modified: short.modified,
        outcome: Some(outcome),
        reason: Some(reason),
        ..LoginSourceRow::default()
    }
}
