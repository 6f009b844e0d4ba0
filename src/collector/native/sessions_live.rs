//! Who is on now, from several views that were taken one after the other: logind's state files, the terminals, and the
//! processes by audit session; and terminal multiplexers, which keep a session working after its logout.
//!
//! Nothing is attached to and no socket is connected to: that would be seen, and could be answered with lies.

mod join;
mod multiplexers;
mod processes;

use std::collections::BTreeMap;

use rustix::fs::FileType;

use crate::collector::run::Run;
use crate::collector::steps;
use crate::custody::entry::{Base64, EntryId, Kind, Source};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode, counted};
use crate::custody::rows::sessions::StateFileRow;
use crate::custody::rows::{FileRow, text};
use crate::host::Trouble;
use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Match, Wanted};
use crate::intake::Halt;
use crate::path::HostPath;
use crate::records::logind;

const COLLECTOR: &str = "sessions-live";

/// Sessions of logind's that are remembered for the views of logins.
const LIVING: usize = 4_096;

/// Bytes of one state file at most.
const STATE_FILE: u64 = 1 << 20;

/// Names of one view at most.
const MOST: usize = 50_000;

/// What one look at names and files gave.
struct View<T> {
    rows: Vec<T>,
    /// Its capture; none where there is no row.
    entry: Option<EntryId>,
    /// Every place let itself be looked at, and nothing was left out: what is not in the rows was not there.
    whole: bool,
}

/// How a look ended that found nothing: it is proven that there is nothing only where no place was refused.
fn none_found(troubles: &[Found], words: &str) -> (Outcome, Reason) {
    if troubles.is_empty() {
        return (Outcome::Empty, Reason::new(ReasonCode::NotFound, words));
    }
    let code = match troubles.first() {
        Some(Found::Trouble(_, trouble)) => trouble.verdict().1.code,
        _ => ReasonCode::NotFound,
    };
    let refused = counted(troubles.len() as u64, "place");
    let words = format!("none was found, but {refused} could not be looked into, and may hold some");
    (Outcome::Inconclusive, Reason::new(code, words))
}

/// Takes the views and joins them.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let seen = processes::collect(run)?;
    let logind = state_files(run)?;
    run.logins.living = living(&logind);
    let terminals =
        listing(run, &["/dev/pts/*".to_owned()], "terminals.jsonl", "Pseudo-terminals", |_| true)?;
    let places = socket_places(run);
    let sockets =
        listing(run, &places, "multiplexer-sockets.jsonl", "Sockets of terminal multiplexers", |found| {
            found.met.kind == FileType::Socket
        })?;
    let captures: Vec<EntryId> = [seen.entry, logind.entry, terminals.entry].into_iter().flatten().collect();
    let passwd = HostPath::new("/etc/passwd").ok().and_then(|path| run.host.peek(&path, 16 << 20).ok());
    let names = crate::records::accounts::names(passwd.as_deref().unwrap_or_default());
    let now = run.began;
    let sessions = join::sessions(&seen.processes, &logind.rows, &names, now);
    let whole = seen.whole && logind.whole && terminals.whole;
    table(run, "sessions.jsonl", "Sessions that are open", &sessions, &captures, whole)?;
    let multiplexers = multiplexers::rows(&seen.processes, &sockets.rows, now);
    let captures: Vec<EntryId> = [seen.entry, sockets.entry].into_iter().flatten().collect();
    let whole = seen.whole && sockets.whole;
    table(run, "multiplexers.jsonl", "Terminal multiplexers", &multiplexers, &captures, whole)
}

/// Sessions among logind's state files, and the entry that they stand in.
fn living(logind: &View<StateFileRow>) -> Vec<(EntryId, BTreeMap<String, Vec<u8>>)> {
    let is_session =
        |row: &&StateFileRow| row.path.starts_with("/run/systemd/sessions/") && !row.path.ends_with(".ref");
    let parse = |row: &StateFileRow| Some((logind.entry?, logind::parse(&row.bytes_b64.0)));
    logind.rows.iter().filter(is_session).take(LIVING).filter_map(parse).collect()
}

/// Where tmux and screen put their sockets unless they are told otherwise.
const SOCKETS: [&str; 6] = [
    "/tmp/tmux-*/*",
    "/run/tmux/**",
    "/run/screen/S-*/*",
    "/var/run/screen/S-*/*",
    "/tmp/screens/S-*/*",
    "/tmp/uscreens/S-*/*",
];

/// Those, and screen's in the homes.
fn socket_places(run: &Run<'_, '_>) -> Vec<String> {
    let homes = run.places.homes.iter().map(|home| format!("{home}/.screen/*"));
    SOCKETS.iter().map(|place| (*place).to_owned()).chain(homes).collect()
}

fn table<T: serde::Serialize>(
    run: &mut Run<'_, '_>,
    name: &str,
    title: &str,
    rows: &[T],
    captures: &[EntryId],
    whole: bool,
) -> Result<(), Halt> {
    if captures.is_empty() {
        // What could not be looked at is said already.
        return Ok(());
    }
    let mut bytes = Vec::new();
    for row in rows {
        json::row(&mut bytes, row)?;
    }
    let mut draft = Draft::new(Kind::Derived, Source::text("views of who is on"), run.intake.now());
    draft.title = Some(title.to_owned());
    draft.derived_from = captures.to_vec();
    if rows.is_empty() && !whole {
        let words = "none is seen, and not every process or place let itself be looked at";
        draft = draft.ended(Outcome::Inconclusive, Reason::new(ReasonCode::Permission, words));
    } else if rows.is_empty() {
        let words = "the processes that could be looked at show none at this moment; what ended before left nothing here";
        draft = draft.ended(Outcome::Empty, Reason::new(ReasonCode::NotFound, words));
    }
    run.intake.capture(Member::of_live(COLLECTOR, name), draft, bytes)?;
    Ok(())
}

/// logind's state files, raw. Where there is no logind there are none, which is no gap.
fn state_files(run: &mut Run<'_, '_>) -> Result<View<StateFileRow>, Halt> {
    let taken = run.intake.now();
    let source = || Source::text("/run/systemd/{sessions,users,seats}");
    let (mut rows, mut troubles, mut folders, mut left_out) = (Vec::new(), Vec::new(), 0, 0_u64);
    for pattern in ["/run/systemd/sessions/*", "/run/systemd/users/*", "/run/systemd/seats/*"] {
        let Ok(pattern) = Pattern::new(pattern) else { continue };
        folders += 1;
        for found in run.host.walk(&pattern, Wanted::Files, true) {
            match found {
                Found::Match(found) if found.met.kind == FileType::RegularFile => {
                    if rows.len() >= MOST {
                        left_out += 1;
                        continue;
                    }
                    match run.host.peek(&found.spot.path, STATE_FILE) {
                        Ok(bytes) => rows.push(state_file(&found, bytes)),
                        // The session ended meanwhile.
                        Err(Trouble::Missing(_) | Trouble::Vanished(_)) => {}
                        Err(trouble) => troubles.push(Found::Trouble(found.spot.place(), trouble)),
                    }
                }
                Found::Trouble(place, Trouble::Missing(_)) if place.path == *pattern.base() => folders -= 1,
                Found::Match(_) | Found::Led(_) => {}
                other => troubles.push(other),
            }
        }
    }
    let entry = if rows.is_empty() {
        let words = if folders == 0 {
            "this system runs no logind: it keeps no state of sessions"
        } else {
            "logind's folders hold no state file: it knows of no session, user or seat"
        };
        let (outcome, reason) = none_found(&troubles, words);
        run.intake.gap(source(), outcome, reason)?;
        None
    } else {
        let mut bytes = Vec::new();
        for row in &rows {
            json::row(&mut bytes, row)?;
        }
        let mut draft = Draft::new(Kind::Capture, source(), taken);
        draft.title = Some("State files of logind".into());
        draft = cut(draft, left_out);
        Some(run.intake.capture(Member::of_live(COLLECTOR, "logind.jsonl"), draft, bytes)?)
    };
    let whole = troubles.is_empty() && left_out == 0;
    for found in troubles {
        steps::tell(run, found)?;
    }
    Ok(View { rows, entry, whole })
}

/// Anybody can make names in /tmp: those past the limit are counted, and so it is no whole list.
fn cut(draft: Draft, left_out: u64) -> Draft {
    if left_out == 0 {
        return draft;
    }
    let words = format!("names past the first {MOST}, which are left out: {left_out}");
    draft.ended(Outcome::Truncated, Reason::new(ReasonCode::CountLimit, words))
}

fn state_file(found: &Match, bytes: Vec<u8>) -> StateFileRow {
    let (path, path_b64) = text(found.spot.path.as_bytes());
    StateFileRow { bytes_b64: Base64(bytes), path, path_b64, stat: found.met.stat.clone() }
}

/// The metadata of names that match and are wanted. A folder that is not there holds none.
fn listing(
    run: &mut Run<'_, '_>,
    patterns: &[String],
    name: &str,
    title: &str,
    wanted: impl Fn(&Match) -> bool,
) -> Result<View<FileRow>, Halt> {
    let taken = run.intake.now();
    let (mut rows, mut troubles, mut left_out): (Vec<FileRow>, Vec<Found>, u64) = (Vec::new(), Vec::new(), 0);
    for pattern in patterns {
        let Ok(pattern) = Pattern::new(pattern) else { continue };
        for found in run.host.walk(&pattern, Wanted::Files, true) {
            match found {
                Found::Match(found) if wanted(&found) && rows.len() >= MOST => left_out += 1,
                Found::Match(found) if wanted(&found) => {
                    rows.push(FileRow::new(
                        &found.spot.path,
                        found.met.stat.clone(),
                        found.target.as_deref(),
                    ));
                }
                Found::Match(_)
                | Found::Led(_)
                | Found::Trouble(_, Trouble::Missing(_) | Trouble::Vanished(_)) => {}
                // Mounts below the place where sockets lie are other places.
                Found::LeftOut(place, _) if place.path != *pattern.base() => {}
                other => troubles.push(other),
            }
        }
    }
    // /var/run leads to /run.
    rows.sort_by_key(|row| (row.dev.clone(), row.ino));
    rows.dedup_by_key(|row| (row.dev.clone(), row.ino));
    let source = Source::text(title);
    let entry = if rows.is_empty() {
        let (outcome, reason) = none_found(&troubles, "no such name is there at this moment");
        run.intake.gap(source, outcome, reason)?;
        None
    } else {
        let mut bytes = Vec::new();
        for row in &rows {
            json::row(&mut bytes, row)?;
        }
        let mut draft = Draft::new(Kind::Listing, source, taken);
        draft.title = Some(title.to_owned());
        draft = cut(draft, left_out);
        Some(run.intake.capture(Member::of_live(COLLECTOR, name), draft, bytes)?)
    };
    let whole = troubles.is_empty() && left_out == 0;
    for found in troubles {
        steps::tell(run, found)?;
    }
    Ok(View { rows, entry, whole })
}
