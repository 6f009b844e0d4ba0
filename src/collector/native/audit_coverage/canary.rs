//! Our own openings: each PHI folder is opened once, as anybody opens it who looks into it, and something in it by its name
//! alone. Then the log is read for a moment. A rule can be listed and not fire: it was loaded before a volume was mounted,
//! or before the folder was made.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{COLLECTOR, Spot};
use crate::collector::run::Run;
use crate::collector::tables::Rows;
use crate::custody::entry::{EntryId, Kind, Source, Taken};
use crate::custody::ledger::Draft;
use crate::custody::rows::audit_coverage::CanaryRow;
use crate::custody::rows::text;
use crate::host::Trouble;
use crate::host::knock::{KNOCK_EVENTS, Knock};
use crate::host::log_tail::LogTail;
use crate::intake::Halt;
use crate::path::shown;
use crate::records::audit_log::{EventId, OwnEvent, events_of};
use crate::records::audit_status::AuditStatus;
use crate::view::audit_coverage::{Canary, Logged};

/// How long an event may take from the kernel into the log.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// How far the records of an event may stand apart in the log, in bytes.
const APART: usize = 1 << 20;

/// What became of the openings of a place.
pub struct Seen {
    pub canary: Canary,
    pub is_folder: bool,
}

/// Opens each place and looks for that in the log. What was found of our own is sealed.
pub fn look(
    run: &mut Run<'_, '_>,
    spots: &[Spot],
    status: Option<&AuditStatus>,
    entries: &mut Vec<EntryId>,
) -> Result<Vec<Seen>, Halt> {
    let why_not = match status {
        Some(status) if status.enabled == 0 => {
            Some("auditing is off, so that nothing was opened to see it recorded")
        }
        Some(status) if status.pid == 0 => {
            Some("no daemon writes the audit log, so that nothing was opened to see it recorded")
        }
        _ => None,
    };
    let tail = match why_not {
        Some(words) => Err(words.to_owned()),
        None => run
            .host
            .tail(&run.places.audit_log)
            .map_err(|trouble| format!("the audit log cannot be followed: {trouble}")),
    };
    let mut tail = match tail {
        Ok(tail) => tail,
        Err(words) => return Ok(spots.iter().map(|_| unknown(words.clone())).collect()),
    };
    let taken = run.intake.now();
    let mut knocks = Vec::new();
    for spot in spots {
        run.intake.check()?;
        knocks.push(match run.budget.spend(KNOCK_EVENTS) {
            true => run.host.knock(&spot.mount).map_err(|trouble| opened_not(&trouble)),
            false => {
                Err("would overwrite the audit log, so that nothing was opened to see it recorded".to_owned())
            }
        });
    }
    let (events, trouble) = follow(&mut tail, &knocks);
    if !events.is_empty() {
        entries.push(seal(run, &events, taken)?);
    }
    let seen = |inode: u64| -> Logged {
        let of_it: Vec<&OwnEvent> = events.values().filter(|event| event.inodes.contains(&inode)).collect();
        let mut keys: Vec<Vec<u8>> = of_it.iter().flat_map(|event| event.keys.clone()).collect();
        keys.sort();
        keys.dedup();
        (!of_it.is_empty()).then_some(keys)
    };
    Ok(knocks
        .into_iter()
        .map(|knock| match (knock, &trouble) {
            (Err(words), _) => unknown(words),
            (Ok(knock), Some(words)) if !is_there(&knock, &events) => unknown(words.clone()),
            (Ok(knock), _) => Seen {
                canary: Canary::Looked { folder: seen(knock.place), inside: knock.inside.map(seen) },
                is_folder: knock.is_folder,
            },
        })
        .collect())
}

fn unknown(words: String) -> Seen {
    Seen { canary: Canary::Unknown(words), is_folder: true }
}

fn opened_not(trouble: &Trouble) -> String {
    // The place stands in the row; a reason may be shown on a screen.
    let (_, reason) = trouble.verdict();
    format!("it could not be opened ({:?})", reason.code)
}

type Events = BTreeMap<EventId, OwnEvent>;

/// Whether everything that was opened stands among the events.
fn is_there(knock: &Knock, events: &Events) -> bool {
    let wanted = std::iter::once(knock.place).chain(knock.inside);
    wanted.into_iter().all(|inode| events.values().any(|event| event.inodes.contains(&inode)))
}

/// Reads what is logged until all openings are there, or for as long as that may take. With words, if the log could not be
/// followed to the end. Much may be logged meanwhile: no more is kept than what a record may stand apart from its event.
fn follow(tail: &mut LogTail<'_>, knocks: &[Result<Knock, String>]) -> (Events, Option<String>) {
    let (mut events, mut log, began) = (Events::new(), Vec::new(), Instant::now());
    loop {
        match tail.more() {
            Ok(bytes) => log.extend(bytes),
            Err(trouble) => return (events, Some(format!("the audit log could not be followed: {trouble}"))),
        }
        for (id, event) in events_of(&log, std::process::id()) {
            let known = events.entry(id).or_default();
            if event.lines.len() > known.lines.len() {
                *known = event;
            }
        }
        let is_done = knocks.iter().flatten().all(|knock| is_there(knock, &events));
        if is_done || began.elapsed() >= PATIENCE {
            return (events, None);
        }
        log.drain(..log.len().saturating_sub(APART));
        std::thread::sleep(PAUSE);
    }
}

fn seal(run: &mut Run<'_, '_>, events: &Events, taken: Taken) -> Result<EntryId, Halt> {
    let mut draft = Draft::new(Kind::Capture, Source::text("the audit log, our own openings"), taken);
    draft.title = Some("Our own openings of PHI folders, as they were logged".into());
    let mut rows = Rows::begin(run, COLLECTOR, "canary.jsonl", draft)?;
    for (id, event) in events {
        let (lines, lines_b64) = text(&event.lines);
        let keys = event.keys.iter().map(|key| shown(key)).collect();
        rows.row(run, &CanaryRow { keys, lines, lines_b64, serial: id.serial, time: id.time })?;
    }
    rows.end(run, |_| ())
}
