//! The one door that evidence passes through: from the host into the vault, hashed, limited, and with an entry for
//! everything, whether it was obtained or not.
//!
//! Two kinds of trouble and no third. Evidence that cannot be read becomes an outcome in its entry, and the run
//! goes on. Only trouble with the seal itself, or a stop, is a [`Halt`]; after a stop what was gathered is sealed.

mod copy;
mod pour;
mod sealed;
mod short;
mod sparse;
mod stop;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::custody::completeness::Need;
use crate::custody::digest::Digest;
use crate::custody::entry::{EntryId, Source, Taken, Window, member_time};
use crate::custody::ledger::{Draft, Ledger, Reason, StepContext};
use crate::custody::member::{Member, Members};
use crate::custody::outcome::{Outcome, ReasonCode};
use crate::custody::{Sealed, Vault, VaultError};
use crate::host::pace::Pace;
use crate::path::HostPath;
use crate::records::audit_log::Asked;
use crate::records::kept_events::Wants;
use pour::ForViews;
use sealed::SealedCopies;
use short::Shortfalls;
use stop::is_over;

pub use copy::{CopyLimits, Hold};
pub use sealed::{FileId, SealedCopy};
pub use short::Shortfall;
pub use stop::{Halt, StopCause, StopMark};

/// Bytes of an entry that are written at once.
const ENTRY_PIECE: usize = 64 << 10;

/// Who is told how a run goes on. Called often; must be quick.
pub trait Progress {
    /// The next step begins: the `number`-th of `total` collectors.
    fn collector(&mut self, number: usize, total: usize, title: &str);
    /// So many evidence bytes have been sealed in all.
    fn bytes(&mut self, total: u64);
    /// Something else than collecting begins, in words.
    fn phase(&mut self, words: &str);
}

/// Everything that an intake is told before it begins.
pub struct Terms<'a> {
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Gives 32 random bytes, different each time.
    pub salts: &'a dyn Fn() -> io::Result<Digest>,
    /// Where signals are noted.
    pub stop: StopMark,
    /// Who is told how it goes.
    pub progress: &'a mut dyn Progress,
    /// Evidence bytes at most.
    pub max_bytes: Option<u64>,
    /// Time at most.
    pub max_time: Option<Duration>,
    /// The ceiling on processor time.
    pub pace: Arc<Pace>,
    /// Folders below which names are not told on a screen.
    pub phi_roots: Vec<HostPath>,
    /// The window of interest, which entries of windowed sources quote.
    pub window: Window,
    /// What is asked of audit logs while they pass.
    pub asked: Asked,
    /// Makes what tells of a line of an audit log whether its event is wanted by a view; none where no view is made.
    pub wants: Option<&'a dyn Fn() -> Wants>,
}

/// The door.
pub struct Intake<'a> {
    vault: &'a mut dyn Vault,
    ledger: Ledger,
    terms: Terms<'a>,
    members: Members,
    copies: SealedCopies,
    /// Bytes of sealed files that are kept at hand.
    kept: usize,
    for_views: ForViews,
    links_told: HashMap<HostPath, EntryId>,
    roles: BTreeMap<String, EntryId>,
    step: Option<StepContext>,
    copied_in_step: (u64, u64),
    without_a_byte: bool,
    shortfalls: Shortfalls,
    open: Option<(Member, Draft)>,
    deadline: Option<Instant>,
    bytes: u64,
    runs: u32,
    stopped: Option<StopCause>,
    /// What frames the evidence is being recorded; a stop does not keep that from being said.
    framing: bool,
}

impl<'a> Intake<'a> {
    /// An intake into `vault`, whose plan has been sealed already.
    pub fn new(vault: &'a mut dyn Vault, ledger: Ledger, terms: Terms<'a>) -> Intake<'a> {
        let deadline = terms.max_time.map(|span| Instant::now() + span);
        let stop = terms.stop.clone();
        terms.pace.hurry_when(move || stop.get().is_some() || is_over(deadline));
        Intake {
            vault,
            ledger,
            deadline,
            terms,
            members: Members::default(),
            copies: SealedCopies::default(),
            kept: 0,
            for_views: ForViews::default(),
            links_told: HashMap::new(),
            roles: BTreeMap::new(),
            step: None,
            copied_in_step: (0, 0),
            without_a_byte: false,
            shortfalls: Shortfalls::default(),
            open: None,
            bytes: 0,
            runs: 0,
            stopped: None,
            framing: true,
        }
    }

    /// The ledger as it stands.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What stopped the run, if it was stopped.
    pub fn stopped(&self) -> Option<StopCause> {
        self.stopped
    }

    /// The folders that hold PHI.
    pub fn phi_roots(&self) -> &[HostPath] {
        &self.terms.phi_roots
    }

    /// The window of interest.
    pub fn window(&self) -> &Window {
        &self.terms.window
    }

    /// The next collector begins. After a stop there is none worth telling of.
    pub fn tell_collector(&mut self, number: usize, total: usize, title: &str) {
        if self.stopped.is_none() {
            self.terms.progress.collector(number, total, title);
        }
    }

    /// The moment, for an entry.
    pub fn now(&self) -> Taken {
        self.terms.clock.moment()
    }

    /// Gives back the ledger and the entries that hold the facts about the run.
    pub fn close(self) -> (Ledger, BTreeMap<String, EntryId>) {
        (self.ledger, self.roles)
    }

    /// A step of the plan begins; everything up to [`Intake::end_step`] belongs to it.
    pub fn begin_step(&mut self, step: StepContext) {
        self.shortfalls.begin(&step.collector);
        self.step = Some(step);
        self.copied_in_step = (0, 0);
        self.without_a_byte = false;
    }

    /// The step ends. One that said nothing at all is a defect, and is recorded as one; and one whose files all
    /// hold nothing must not look as if nothing had happened.
    pub fn end_step(&mut self) -> Result<(), Halt> {
        let Some(step) = self.step.clone() else { return Ok(()) };
        let (source, matters) = (Source::text(&step.title), step.need != Need::Optional);
        match self.ledger.step(&step.collector, &step.step) {
            None => {
                let words = "the collector ended without saying anything about this step";
                self.gap(source, Outcome::Failed, Reason::new(ReasonCode::RecordedNothing, words))?;
            }
            Some(record)
                if matters && record.holds_nothing() && !record.has_gap() && !self.holds_empty_files() =>
            {
                let words =
                    "what was found has the name of what was looked for, and is a link or a special file";
                self.gap(source, Outcome::Inconclusive, Reason::new(ReasonCode::NameOnly, words))?;
            }
            Some(_) => {}
        }
        if self.holds_empty_files() && !self.without_a_byte {
            self.without_a_byte(Source::text(&step.title))?;
        }
        self.step = None;
        Ok(())
    }

    fn holds_empty_files(&self) -> bool {
        self.copied_in_step.0 > 0 && self.copied_in_step.1 == 0
    }

    /// Files that are there and hold no byte, where that matters: they must not look as if nothing had happened.
    fn without_a_byte(&mut self, source: Source) -> Result<(), Halt> {
        let matters = self.step.as_ref().is_some_and(|step| step.need != Need::Optional);
        if matters {
            self.without_a_byte = true;
            let words = "it is there and holds no byte; that does not show that nothing was written";
            self.gap(source, Outcome::Inconclusive, Reason::new(ReasonCode::ZeroBytes, words))?;
        }
        Ok(())
    }

    /// The step is left undone: its one entry says why.
    pub fn leave_step(&mut self, step: StepContext, outcome: Outcome, reason: Reason) -> Result<(), Halt> {
        let source = Source::text(&step.title);
        self.begin_step(step);
        self.gap(source, outcome, reason)?;
        self.end_step()
    }

    /// A collector panicked. What it was sealing is ended as it is, and the step says what happened.
    pub fn rescue(&mut self, step: StepContext) -> Result<(), Halt> {
        let reason = Reason::new(ReasonCode::Panicked, "the collector failed by a programming error");
        self.step = Some(step);
        match self.open.take() {
            Some((member, draft)) => {
                self.seal_entry(member, draft.ended(Outcome::Failed, reason), |_, _| ())?;
            }
            None => drop(self.gap(Source::text("collector"), Outcome::Failed, reason)?),
        }
        self.end_step()
    }

    /// What had to be said about the run is said; the evidence begins.
    pub fn begin_evidence(&mut self) {
        self.framing = false;
    }

    /// The evidence is over; what stands at the end of a run is sealed even after a stop, in the space kept for it.
    pub fn begin_closing(&mut self) {
        self.framing = true;
        self.vault.release_reserve();
    }

    /// Whether the run may go on. It pauses here, where that is needed to stay below its ceiling.
    pub fn check(&mut self) -> Result<(), Halt> {
        self.terms.pace.breathe();
        if self.framing {
            return Ok(());
        }
        match self.stopped.or_else(|| self.cause_to_stop()) {
            Some(cause) => Err(Halt::Stopped(self.stop(cause))),
            None => Ok(()),
        }
    }

    /// Whether the run is to end.
    pub fn is_to_end(&self) -> bool {
        !self.framing && (self.stopped.is_some() || self.cause_to_stop().is_some())
    }

    /// Notes what stops the run; only the first cause counts.
    fn stop(&mut self, cause: StopCause) -> StopCause {
        if self.stopped.is_none() {
            self.terms.progress.phase(&format!("{}; sealing what was gathered", cause.words()));
        }
        *self.stopped.get_or_insert(cause)
    }

    /// The same in the middle of a member, which is then ended as `truncated` before the stop is told.
    pub fn check_within_member(&mut self) -> Result<(), Halt> {
        self.write(Vec::new())
    }

    /// A name that joins what belongs to one run of a program.
    pub fn next_run(&mut self) -> String {
        self.runs += 1;
        format!("run-{:03}", self.runs)
    }

    /// The entry that holds a fact about the run gets a name in the seal.
    pub fn remember(&mut self, role: &str, entry: EntryId) {
        self.roles.insert(role.to_owned(), entry);
    }

    /// Begins a member. It is private to the intake until [`Intake::end_member`]; one at a time.
    pub fn begin_member(&mut self, wanted: Member, draft: Draft) -> Result<(), Halt> {
        self.check()?;
        let modified = member_time(draft.kind, draft.taken, draft.stat.as_ref());
        let identity = draft.source.path_b64.as_ref().map(|path| path.0.clone()).unwrap_or_default();
        let member = self.members.claim(wanted, &identity);
        match self.vault.begin(&member, modified) {
            Ok(()) => {
                self.open = Some((member, draft));
                Ok(())
            }
            Err(error) => Err(self.stop_for(error)),
        }
    }

    /// More bytes of the member that was begun. When the run is stopped in the middle of it, it is ended as
    /// `truncated` before that is told.
    pub fn write(&mut self, bytes: Vec<u8>) -> Result<(), Halt> {
        let length = bytes.len() as u64;
        let written = match self.check() {
            Ok(()) if length > 0 => self.vault.write(bytes).map_err(|error| self.stop_for(error)),
            checked => checked,
        };
        match written {
            Ok(()) => {
                self.bytes += length;
                self.terms.progress.bytes(self.bytes);
                Ok(())
            }
            Err(Halt::Stopped(cause)) => {
                if let Some((member, draft)) = self.open.take() {
                    self.seal_entry(member, draft.ended(Outcome::Truncated, cause.reason()), |_, _| ())?;
                }
                Err(Halt::Stopped(cause))
            }
            Err(lost) => Err(lost),
        }
    }

    /// Ends the member that was begun; `finish` may still say how it went.
    pub fn end_member(&mut self, finish: impl FnOnce(&mut Draft)) -> Result<EntryId, Halt> {
        self.end_knowing(|draft, _| finish(draft))
    }

    /// The same, for whoever must know what was sealed to say what it is.
    fn end_knowing(&mut self, finish: impl FnOnce(&mut Draft, &Sealed)) -> Result<EntryId, Halt> {
        match self.open.take() {
            Some((member, draft)) => self.seal_entry(member, draft, finish),
            None => Err(Halt::Seal(VaultError::Io(io::Error::other("no member was begun")))),
        }
    }

    fn seal_entry(
        &mut self,
        member: Member,
        mut draft: Draft,
        finish: impl FnOnce(&mut Draft, &Sealed),
    ) -> Result<EntryId, Halt> {
        let sealed = self.vault.end()?;
        finish(&mut draft, &sealed);
        let now = self.now();
        draft.duration_ns = now.boottime_ns.saturating_sub(draft.taken.boottime_ns);
        self.record(draft.doubted_if_empty(sealed.size), Some((member, sealed)))
    }

    /// Appends an entry and seals it. Entries get through even where evidence does not any more.
    fn record(&mut self, draft: Draft, member: Option<(Member, Sealed)>) -> Result<EntryId, Halt> {
        let Some(step) = self.step.clone() else {
            return Err(Halt::Seal(VaultError::Io(io::Error::other("an entry outside any step"))));
        };
        let private = self.is_private(&draft.source);
        let taken = draft.taken.utc;
        let salt = (self.terms.salts)().map_err(VaultError::Io)?;
        let short = Shortfall::of(&draft, member.as_ref().map_or(0, |(_, sealed)| sealed.size));
        let (id, bytes) = self.ledger.record(&step, draft, member, salt, private)?;
        self.shortfalls.note(id, short);
        let name = Member::of_entry(id.0);
        if let Err(error) = self.vault.begin(&name, taken) {
            self.pass_over(error)?;
            self.vault.begin(&name, taken)?;
        }
        // In pieces that a vault takes whole or not at all, so that one that was refused can be written again.
        for piece in bytes.chunks(ENTRY_PIECE) {
            if let Err(error) = self.vault.write(piece.to_vec()) {
                self.pass_over(error)?;
                self.vault.write(piece.to_vec())?;
            }
        }
        self.vault.end()?;
        Ok(id)
    }

    fn pass_over(&mut self, error: VaultError) -> Result<(), Halt> {
        match self.stop_for(error) {
            Halt::Stopped(_) => Ok(()),
            lost => Err(lost),
        }
    }

    /// Whether a source lies below a folder that holds PHI.
    fn is_private(&self, source: &Source) -> bool {
        source.places().any(|path| self.terms.phi_roots.iter().any(|root| path.is_below(root)))
    }
}
