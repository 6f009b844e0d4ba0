//! What lies at a name: asked of the kernel in batches, by two readers at once, told in order.
//!
//! Nearly all the time of a walk is the kernel's, for statx(2). So the walker hands every batch that it has filled to a
//! helper, and does one itself when the helper has enough to do. Whoever listens gets a ticket for each batch in turn,
//! and waits for its answer: the order stays, and so does the bound on what is under way.

use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{self, FileType};
use rustix::io::Errno;

use super::{Found, Manner, Match, Untold, Wanted};
use crate::host::allowance::LINK_EVENTS;
use crate::host::extended::Names;
use crate::host::footprint::Footprint;
use crate::host::patience::Patience;
use crate::host::place::{Place, Spot};
use crate::host::stat::Met;
use crate::host::{Trouble, extended, stat};
use crate::path::HostPath;

/// Tickets that may wait to be taken.
pub const TICKETS: usize = 6;

/// Names of one batch; bytes of them; and folders, because each is held open as long as the batch is under way.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 64 << 10;
const BATCH_FOLDERS: usize = 16;

/// Batches that wait for the helper.
const WAITING: usize = 2;

/// A helper is worth its start only for more names than these.
const ALONE: usize = BATCH;

/// A folder that is open.
pub struct Folder {
    /// It.
    pub fd: Arc<OwnedFd>,
    /// As it was asked for.
    pub path: HostPath,
    /// Without links.
    pub real: HostPath,
}

impl Folder {
    /// A name in it.
    pub fn spot(&self, name: &[u8]) -> Spot {
        let (path, real) = (self.path.join(name), self.real.join(name));
        Spot { folder: Arc::clone(&self.fd), name: name.to_vec(), path, real }
    }
}

/// For whoever listens, in order.
pub enum Told {
    /// The answers of a batch, when it is done.
    Batch(Ticket),
    /// All is told.
    Over,
}

/// Says when all answers of a batch are there.
pub struct Ticket {
    /// Nothing comes if whoever worked on it is gone.
    pub done: Receiver<()>,
    /// What it is about.
    pub batch: Arc<Batch>,
}

/// Names that are examined together.
#[derive(Default)]
pub struct Batch {
    tasks: Vec<Task>,
    names: Vec<u8>,
    folders: Vec<Arc<Folder>>,
    /// How many have been begun.
    begun: AtomicUsize,
    /// What has come of it so far: should one of them never be answered, those before it have been.
    answers: Mutex<Vec<Item>>,
}

struct Task {
    /// Which of the batch's folders.
    folder: usize,
    name: Range<usize>,
}

impl Batch {
    /// Grows as the work goes on.
    pub fn stamp(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// Which name is being examined.
    pub fn place(&self) -> Option<Place> {
        let (folder, name) = self.named(self.stamp().saturating_sub(1))?;
        Some(folder.spot(name).place())
    }

    /// What has come of it so far.
    pub fn answers(&self) -> Vec<Item> {
        std::mem::take(&mut *self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn answer(&self, item: Item) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(item);
    }

    /// The name of that number, and its folder.
    pub fn named(&self, number: usize) -> Option<(&Folder, &[u8])> {
        let task = self.tasks.get(number)?;
        Some((self.folders.get(task.folder)?, self.names.get(task.name.clone())?))
    }

    fn add(&mut self, folder: &Arc<Folder>, name: &[u8]) {
        if self.folders.last().is_none_or(|last| !Arc::ptr_eq(last, folder)) {
            self.folders.push(Arc::clone(folder));
        }
        let start = self.names.len();
        self.names.extend_from_slice(name);
        self.tasks.push(Task { folder: self.folders.len() - 1, name: start..self.names.len() });
    }

    fn is_full(&self) -> bool {
        self.tasks.len() >= BATCH || self.folders.len() >= BATCH_FOLDERS || self.names.len() >= BATCH_BYTES
    }
}

/// What comes of a batch, in order.
pub enum Item {
    /// What lies at the name of that number in the batch.
    Seen(usize, Sighting),
    /// Something else, or something that was found before; and at which turn of the walk.
    Said(Found, Turned),
    /// It has been handed on.
    Taken,
}

/// At which turn something was found: a walk can be taken up again behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    /// Before the first.
    Before,
    /// At the turn of its name.
    Name,
    /// Where it was to be entered.
    Entry,
}

/// What lies at a name, wherever that is.
pub struct Sighting {
    pub met: Met,
    pub target: Option<Vec<u8>>,
    pub target_missing: Option<Untold>,
    pub extended: Option<Result<Names, Errno>>,
}

impl Sighting {
    /// With the place.
    pub fn at(self, spot: Spot) -> Match {
        let Sighting { met, target, target_missing, extended } = self;
        Match { spot, met, target, target_missing, extended }
    }
}

/// A batch to be worked on.
struct Job {
    batch: Arc<Batch>,
    /// What is told before the task of that number.
    said: Vec<(usize, Found, Turned)>,
    done: SyncSender<()>,
}

impl Job {
    fn done_by(self, examiner: &Examiner) {
        let batch = &self.batch;
        let mut said = self.said.into_iter().peekable();
        for number in 0..batch.tasks.len() {
            while let Some((_, told, turned)) = said.next_if(|(before, ..)| *before <= number) {
                batch.answer(Item::Said(told, turned));
            }
            batch.begun.store(number + 1, Ordering::Relaxed);
            let Some((folder, name)) = batch.named(number) else { continue };
            match examiner.sight(&folder.fd, name) {
                Ok(Some(sighting)) => batch.answer(Item::Seen(number, sighting)),
                Ok(None) => {}
                Err(errno) => batch.answer(Item::Said(gone(&folder.spot(name).place(), errno), Turned::Name)),
            }
        }
        said.for_each(|(_, told, turned)| batch.answer(Item::Said(told, turned)));
        // If nobody listens any more, that is seen where the next ticket is handed out.
        let _ = self.done.send(());
    }
}

/// Asks what lies at a name.
pub struct Examiner {
    /// How.
    pub manner: Manner,
    /// Where links that are read are counted.
    pub footprint: Arc<Footprint>,
}

impl Examiner {
    /// What lies at `spot`; none if it is not wanted.
    pub fn examine(&self, spot: &Spot) -> Option<Found> {
        match self.sight(&spot.folder, &spot.name) {
            Ok(sighting) => sighting.map(|sighting| Found::Match(Box::new(sighting.at(spot.clone())))),
            Err(errno) => Some(trouble(&spot.place(), errno)),
        }
    }

    /// What lies at a name in a folder; none if it is not wanted. Of plain files nothing is kept elsewhere in memory, for
    /// what one thread takes and another gives back costs more than the kernel's answer.
    fn sight(&self, folder: &OwnedFd, name: &[u8]) -> Result<Option<Sighting>, Errno> {
        let met = stat::at(folder, name)?;
        if met.kind == FileType::Directory && self.manner.wanted == Wanted::Files {
            return Ok(None);
        }
        let (mut target, mut target_missing) = (None, None);
        if met.kind == FileType::Symlink && self.manner.targets {
            match self.target(folder, name) {
                Ok(there) => target = Some(there),
                Err(why) => target_missing = Some(why),
            }
        }
        let extended = self.manner.extended.then(|| extended::at(folder, name));
        Ok(Some(Sighting { met, target, target_missing, extended }))
    }

    fn target(&self, folder: &OwnedFd, name: &[u8]) -> Result<Vec<u8>, Untold> {
        if self.manner.allowance.as_ref().is_some_and(|allowance| !allowance.spend(LINK_EVENTS)) {
            return Err(Untold::OverAllowance);
        }
        let target = fs::readlinkat(folder, name, Vec::new()).map_err(Untold::Refused)?;
        self.footprint.link();
        Ok(target.into_bytes())
    }
}

/// What went wrong at a place.
pub fn trouble(place: &Place, errno: Errno) -> Found {
    Found::Trouble(place.clone(), Trouble::from_errno(errno, place.path.to_string()))
}

/// What went wrong at a place whose name the walk has read a moment ago.
pub fn gone(place: &Place, errno: Errno) -> Found {
    let path = || place.path.to_string();
    let met = match errno {
        Errno::NOENT => Trouble::Vanished(path()),
        // Links are asked for as what they are, so that it is a folder that became one.
        Errno::LOOP | Errno::NOTDIR => Trouble::Replaced(path()),
        errno => Trouble::from_errno(errno, path()),
    };
    Found::Trouble(place.clone(), met)
}

/// Finds on their way to whoever listens.
pub struct Outbox {
    told: SyncSender<Told>,
    batch: Batch,
    said: Vec<(usize, Found, Turned)>,
    examiner: Arc<Examiner>,
    patience: Patience,
    helper: Option<SyncSender<Job>>,
    examined: usize,
}

/// Nobody listens any more.
pub struct Unheard;

impl Outbox {
    /// Hands on to `told`, after what has been found before. A helper comes from `patience`.
    pub fn new(told: SyncSender<Told>, before: Vec<Found>, examiner: Examiner, patience: Patience) -> Outbox {
        Outbox {
            told,
            batch: Batch::default(),
            said: before.into_iter().map(|found| (0, found, Turned::Before)).collect(),
            examiner: Arc::new(examiner),
            patience,
            helper: None,
            examined: 0,
        }
    }

    /// Who asks what lies at a name.
    pub fn examiner(&self) -> &Examiner {
        &self.examiner
    }

    /// Has a name examined.
    pub fn examine(&mut self, folder: &Arc<Folder>, name: &[u8]) -> Result<(), Unheard> {
        self.batch.add(folder, name);
        if self.batch.is_full() { self.send() } else { Ok(()) }
    }

    /// Tells what was found already, at some turn.
    pub fn tell(&mut self, found: Found, turned: Turned) -> Result<(), Unheard> {
        self.said.push((self.batch.tasks.len(), found, turned));
        if self.said.len() >= BATCH { self.send() } else { Ok(()) }
    }

    /// Tells the rest, and that it is all.
    pub fn end(&mut self) -> Result<(), Unheard> {
        self.send()?;
        self.told.send(Told::Over).map_err(|_| Unheard)
    }

    /// Has everything examined and told now, before something is asked for that may never be answered.
    pub fn send(&mut self) -> Result<(), Unheard> {
        let (batch, said) = (Arc::new(std::mem::take(&mut self.batch)), std::mem::take(&mut self.said));
        if batch.tasks.is_empty() && said.is_empty() {
            return Ok(());
        }
        self.examined += batch.tasks.len();
        let (done, all_done) = sync_channel(1);
        let ticket = Ticket { done: all_done, batch: Arc::clone(&batch) };
        // The ticket first: should the work hang, whoever waits knows at what.
        self.told.send(Told::Batch(ticket)).map_err(|_| Unheard)?;
        if let Some(job) = self.hand_over(Job { batch, said, done }) {
            job.done_by(&self.examiner);
        }
        Ok(())
    }

    /// Gives a batch to the helper; gives it back if there is none, or enough for it to do.
    fn hand_over(&mut self, job: Job) -> Option<Job> {
        if self.helper.is_none() && self.examined > ALONE {
            self.helper = self.find_help();
        }
        let Some(helper) = &self.helper else { return Some(job) };
        match helper.try_send(job) {
            Ok(()) => None,
            Err(TrySendError::Full(job)) => Some(job),
            // It died of a panic.
            Err(TrySendError::Disconnected(job)) => {
                self.helper = None;
                Some(job)
            }
        }
    }

    fn find_help(&self) -> Option<SyncSender<Job>> {
        let (jobs, coming) = sync_channel::<Job>(WAITING);
        let examiner = Arc::clone(&self.examiner);
        let work = move || coming.into_iter().for_each(|job| job.done_by(&examiner));
        self.patience.start(work).is_ok().then_some(jobs)
    }
}

#[cfg(test)]
mod tests;
