//! What lies behind a hole that is too long to be read.

use super::copy::source_of;
use super::{Halt, Intake};
use crate::custody::entry::{Base64, Kind, Stats};
use crate::custody::json;
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::rows::logins::ExtentRow;
use crate::host::extents::{Extents, Patch};
use crate::host::stat::Met;
use crate::host::walk::Match;
use crate::host::{Host, Trouble};

impl Intake<'_> {
    /// The data behind `hole` of a file whose beginning was copied, as rows with their offsets: a member, if there is any.
    /// At most `limit` bytes.
    pub(super) fn take_behind(
        &mut self,
        host: &Host,
        found: &Match,
        copied: &Met,
        hole: u64,
        limit: u64,
    ) -> Result<(), Halt> {
        let mut extents = match host.extents_from(&found.spot, hole, limit) {
            Ok(extents) => extents,
            Err(trouble) => return self.trouble(&found.spot.place(), &trouble),
        };
        match extents.patch() {
            Ok(Patch::Opened(met)) if met.identity == copied.identity => {
                self.seal_behind(&mut extents, found, &met)
            }
            Ok(Patch::Failed(errno, _)) => {
                let trouble = Trouble::from_errno(errno, found.spot.path.to_string());
                self.trouble(&found.spot.place(), &trouble)
            }
            Ok(_) => {
                let trouble = Trouble::Replaced(found.spot.path.to_string());
                self.trouble(&found.spot.place(), &trouble)
            }
            Err(trouble) => self.trouble(&found.spot.place(), &trouble),
        }
    }

    fn seal_behind(&mut self, extents: &mut Extents<'_>, found: &Match, met: &Met) -> Result<(), Halt> {
        let mut draft = Draft::new(Kind::Capture, source_of(found), self.now());
        draft.title = Some("The data behind the first long hole of a sparse file".into());
        draft.stat = Some(Stats { before: met.stat.clone(), after: None });
        let mut begun = Some(draft);
        let verdict = loop {
            match extents.patch() {
                Ok(Patch::Data { offset, bytes }) => {
                    if let Some(draft) = begun.take() {
                        let name = [found.spot.real.name(), b"-extents.jsonl"].concat();
                        let member = Member::of_live("sparse", &String::from_utf8_lossy(&name));
                        self.begin_member(member, draft)?;
                    }
                    self.write_row(offset, bytes)?;
                }
                Ok(Patch::Done { after, cut }) => break verdict_of(met, &after, cut),
                Ok(Patch::Failed(errno, doing)) => {
                    let words = format!("{doing}: {}", std::io::Error::from(errno));
                    break Some((Outcome::Failed, Reason::new(ReasonCode::IoError, words)));
                }
                Ok(_) => {}
                Err(trouble) => break Some(trouble.verdict()),
            }
        };
        if begun.is_some() {
            // There is nothing behind it, or that could not be told.
            return verdict
                .map_or(Ok(()), |(outcome, reason)| self.gap(source_of(found), outcome, reason).map(drop));
        }
        self.end_member(|draft| {
            if let Some((outcome, reason)) = verdict {
                *draft = draft.clone().ended(outcome, reason);
            }
        })
        .map(drop)
    }

    fn write_row(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), Halt> {
        let length = bytes.len() as u64;
        let bytes_b64 = bytes.iter().any(|byte| *byte != 0).then_some(Base64(bytes));
        let mut row = Vec::new();
        json::row(&mut row, &ExtentRow { bytes_b64, length, offset })?;
        self.write(row)
    }
}

/// What the metadata before and after say, and the limit.
fn verdict_of(before: &Met, after: &Met, cut: bool) -> Option<(Outcome, Reason)> {
    if (before.stat.size, before.stat.mtime) != (after.stat.size, after.stat.mtime) {
        let words = "it was written to while it was read";
        return Some((Outcome::Changed, Reason::new(ReasonCode::Overwritten, words)));
    }
    let words = "it holds more data than this step takes";
    cut.then(|| (Outcome::Truncated, Reason::new(ReasonCode::SizeLimit, words)))
}
