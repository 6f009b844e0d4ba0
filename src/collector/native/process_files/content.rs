//! Reading one such file, for its digest alone or into a member.

use super::search::File;
use super::{ID, source};
use crate::collector::run::Run;
use crate::custody::digest::{Digest, Hasher};
use crate::custody::entry::{Base64, FileStat, Kind, Source, Stats};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::host::Trouble;
use crate::host::file::{Glimpse, Reading};
use crate::host::stat::Met;
use crate::intake::Halt;
use crate::path::shown;

/// Bytes of one file that are taken.
pub const OF_ONE: u64 = 64 << 20;

/// Bytes that are taken of all files together.
pub const IN_ALL: u64 = 512 << 20;

/// Bytes of a file that is read for its digest alone: no program is longer, and a hole of any size costs nothing to make.
pub const FOR_DIGEST: u64 = 4 << 30;

/// One file, and the process through which it is read.
pub struct Content<'f> {
    /// The file.
    pub file: &'f File,
    /// The process.
    pub pid: u32,
    /// Its link that leads to the file.
    pub link: &'f str,
    /// Bytes that may still be taken.
    pub left: u64,
    /// How many members stand under this process's number already.
    pub earlier: u32,
}

/// What reading it gave.
pub struct Read {
    /// Bytes that were sealed.
    pub kept: u64,
    /// The member that holds them.
    pub member: Option<String>,
    /// The digest, if it was read whole and did not change.
    pub sha256: Option<Digest>,
    /// Why there is none.
    pub missing: Option<&'static str>,
    /// Its metadata when it was opened.
    pub stat: FileStat,
}

/// How a reading ended.
struct Ended {
    given: u64,
    digest: Option<Digest>,
    after: Option<FileStat>,
    outcome: Outcome,
    reason: Option<Reason>,
}

impl Content<'_> {
    /// Its digest alone.
    pub fn digest(&self, run: &mut Run<'_, '_>) -> Result<Result<Read, Trouble>, Halt> {
        let (mut reading, met) = match self.open(run, FOR_DIGEST) {
            Ok(opened) => opened,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let ended = pour(run, &mut reading, &met, false)?;
        Ok(Ok(read_of(&ended, met, None, 0)))
    }

    /// Its bytes.
    pub fn seal(&self, run: &mut Run<'_, '_>) -> Result<Result<Read, Trouble>, Halt> {
        let (mut reading, met) = match self.open(run, OF_ONE.min(self.left)) {
            Ok(opened) => opened,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let source = Source {
            target_b64: Some(Base64(self.file.path.clone())),
            ..Source::text(format!("/proc/{}/{}", self.pid, self.link))
        };
        let mut draft = Draft::new(Kind::Capture, source, run.intake.now());
        let what = if self.file.state == "memfd" { "file in memory" } else { "deleted file" };
        draft.title = Some(format!("Bytes of a {what} that runs: {}", shown(&self.file.path)));
        draft.stat = Some(Stats { before: met.stat.clone(), after: None });
        draft.mount = run.host.mounts().facts(met.stat.mount_id);
        let member = Member::of_live(ID, &self.member_name());
        let name = member.to_string();
        run.intake.begin_member(member, draft)?;
        let ended = pour(run, &mut reading, &met, true)?;
        run.intake.end_member(|draft| {
            if let Some(reason) = ended.reason.clone() {
                *draft = draft.clone().ended(ended.outcome, reason);
            }
            if let Some(stat) = &mut draft.stat {
                stat.after.clone_from(&ended.after);
            }
        })?;
        Ok(Ok(read_of(&ended, met, Some(name), ended.given)))
    }

    /// `PID-NAME`, the name as the file had it; `PID.2-NAME` for the second file of a process.
    fn member_name(&self) -> String {
        let path = self.file.path.strip_suffix(b" (deleted)").unwrap_or(&self.file.path);
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        match self.earlier {
            0 => format!("{}-{}", self.pid, shown(name)),
            earlier => format!("{}.{}-{}", self.pid, earlier + 1, shown(name)),
        }
    }

    /// Opens it, and sees that it is the file that was found.
    fn open<'r>(&self, run: &Run<'r, '_>, limit: u64) -> Result<(Reading<'r>, Met), Trouble> {
        let mut reading = run.host.read_of_process(self.pid, self.link, limit)?;
        let place = || format!("/proc/{}/{}", self.pid, self.link);
        match reading.glimpse()? {
            Glimpse::Opened(met) if met.stat.dev == self.file.device && met.stat.ino == self.file.inode => {
                Ok((reading, met))
            }
            // The process runs another program by now.
            Glimpse::Opened(_) => Err(Trouble::Vanished(place())),
            Glimpse::Other(met) => Err(Trouble::OtherType(place(), met.kind_in_words())),
            Glimpse::Failed(errno, _) => match Trouble::from_errno(errno, place()) {
                Trouble::Missing(place) => Err(Trouble::Vanished(place)),
                Trouble::Io(place, error) if error.raw_os_error() == Some(3) => Err(Trouble::Vanished(place)),
                trouble => Err(trouble),
            },
            _ => Err(Trouble::Io(place(), std::io::Error::other("it was not opened"))),
        }
    }
}

fn read_of(ended: &Ended, met: Met, member: Option<String>, kept: u64) -> Read {
    let missing = match ended.outcome {
        Outcome::Collected => None,
        Outcome::Changed => Some("changed"),
        Outcome::Truncated => Some("too_long"),
        Outcome::TimedOut => Some("timed_out"),
        _ => Some("failed"),
    };
    Read { kept, member, sha256: ended.digest.filter(|_| missing.is_none()), missing, stat: met.stat }
}

/// Reads to the end; into the member that is open, where it is to be sealed.
fn pour(run: &mut Run<'_, '_>, reading: &mut Reading<'_>, met: &Met, seal: bool) -> Result<Ended, Halt> {
    let mut hasher = Hasher::new();
    let mut ended = Ended { given: 0, digest: None, after: None, outcome: Outcome::Collected, reason: None };
    let troubled = loop {
        match reading.glimpse() {
            Ok(Glimpse::Bytes(bytes)) => {
                hasher.update(&bytes);
                ended.given += bytes.len() as u64;
                if seal {
                    run.intake.write(bytes)?;
                } else {
                    run.intake.check()?;
                }
            }
            Ok(Glimpse::Done(end)) => {
                let after = end.after.stat;
                let same = (after.size, after.mtime) == (met.stat.size, met.stat.mtime);
                if end.cut || end.hole.is_some() {
                    let words = "it is longer than what is taken";
                    ended.outcome = Outcome::Truncated;
                    ended.reason = Some(Reason::new(ReasonCode::SizeLimit, words));
                } else if !same || (met.stat.size > 0 && end.given != met.stat.size) {
                    let words = "it was written to while it was read";
                    ended.outcome = Outcome::Changed;
                    ended.reason = Some(Reason::new(ReasonCode::Overwritten, words));
                }
                ended.after = Some(after);
                break None;
            }
            Ok(Glimpse::Failed(errno, _)) => break Some(Trouble::from_errno(errno, source().display)),
            Ok(_) => {}
            Err(trouble) => break Some(trouble),
        }
    };
    if let Some(trouble) = troubled {
        let (outcome, mut reason) = trouble.verdict();
        reason.words.push_str("; what was read until then is kept");
        (ended.outcome, ended.reason) = (outcome, Some(reason));
    }
    ended.digest = Some(hasher.finish());
    Ok(ended)
}
