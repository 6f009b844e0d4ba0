//! Which serial numbers a log holds. The kernel numbers its events one after another since boot, so that what lies
//! between two of them was written once, or lost on the way; that none is missing shows nothing of times when auditing
//! was off.

use std::cmp::Ordering;

use super::EventId;
use super::signs::{LATE, Release, SLOW, Sign, Told, fell, goes_on, is_fallen, is_past};
use crate::clock::Timestamp;

/// Ranges that are kept apart in one boot of one file.
const RANGES_KEPT: usize = 256;
/// Boots that are kept apart in one file.
const BOOTS_KEPT: usize = 64;

/// Serial numbers of one file.
#[derive(Clone, Debug, Default)]
pub struct Serials {
    /// One after another; at most 64.
    pub boots: Vec<Boot>,
    /// Boots that were not kept.
    pub boots_left: u64,
    /// How often the time fell by more than a minute while the numbers went on, for more than one event: a clock that was set
    /// back, or a log that was edited. One event alone may be of a call that took so long: its time is that of its beginning,
    /// and its number of its end.
    pub steps_back: u64,
    /// Events one after another that are behind.
    behind: u64,
    /// What has told of the latest boot, and the kernel that auditd named last.
    told: Told,
    release: Release,
    /// auditd began, and nothing of the kernel's came since.
    restarted: bool,
    /// The next number is of another boot.
    anew: bool,
    /// Since the highest number there were lower ones that are later than all before it.
    fallen: Option<Fallen>,
}

/// What a number shows of the boot that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is of the same boot as those before, or the boot was told of already.
    Same,
    /// The same; but if a sign follows, another boot begins here.
    Fallen,
    /// It is the first of another boot.
    Boot,
}

/// Lower numbers that are later than all before them: few of them, records that are late; or the first of another boot, which
/// has as many numbers as the one before only when it is told of.
#[derive(Clone, Debug)]
struct Fallen {
    /// The boot without them.
    before: Boot,
    /// The first of them, as they stand in the log.
    began: EventId,
    /// They alone.
    of: Boot,
}

/// What is of one boot.
#[derive(Clone, Debug)]
pub struct Boot {
    /// The lowest number.
    pub first: EventId,
    /// The highest, with the latest time until then.
    pub last: EventId,
    /// The record of the init system that tells of it, where that is here.
    pub booted: Option<EventId>,
    /// What is not there, between what is.
    pub missing: Vec<MissingSerials>,
    /// Ranges that were not kept.
    pub missing_left: u64,
}

/// Numbers that are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingSerials {
    /// The first of them.
    pub from: u64,
    /// The last.
    pub to: u64,
    /// The time of the event before.
    pub after: Timestamp,
    /// The time of the event behind.
    pub before: Timestamp,
}

/// Numbers that are there, one after another.
#[derive(Clone, Copy, Debug)]
struct Present {
    from: u64,
    to: u64,
    began: Timestamp,
    ended: Timestamp,
}

impl Serials {
    /// A record of this event came.
    pub fn saw(&mut self, id: EventId) -> Seen {
        let restarted = std::mem::take(&mut self.restarted);
        if std::mem::take(&mut self.anew) {
            self.begin(Boot::of(id));
            return Seen::Same;
        }
        let Some(boot) = self.boots.last_mut() else {
            self.boots.push(Boot::of(id));
            return Seen::Same;
        };
        let last = boot.last;
        if id.serial == last.serial {
            return Seen::Same;
        }
        if id.serial > last.serial {
            self.behind = if id.time.plus(SLOW) < last.time { self.behind + 1 } else { 0 };
            self.steps_back += u64::from(self.behind == 2);
            self.fallen = None;
            boot.goes_on(id);
            return Seen::Same;
        }
        // What comes first when auditd began again is of the boot in which it did.
        if is_late(last, id) && !(restarted && is_fallen(last, id)) {
            return self.late(id);
        }
        self.told = Told::of_daemon(restarted);
        self.begin(Boot::of(id));
        Seen::Boot
    }

    /// A record says that the machine was booted, before [`Serials::saw`] hears of it. If it is of another boot than the
    /// records before: where that begins, which is at the record itself or at one that seemed late.
    pub fn sign(&mut self, sign: Sign<'_>, id: EventId) -> Option<EventId> {
        let is_sign = self.release.is_sign(sign);
        if sign.is_daemons() {
            self.restarted = true;
        } else if self.boots.is_empty() || self.anew {
            self.saw(id);
        }
        let known = self.boots.last().filter(|_| is_sign && !self.anew);
        let began = known.filter(|boot| {
            let fell = !sign.is_daemons() && (self.fallen.is_some() || is_fallen(boot.last, id));
            fell || self.told.is_again(sign, boot.first.time, boot.last.serial, id)
        });
        let began = began.is_some().then(|| self.begin_at(sign, id));
        self.told.tell(sign);
        if let Some(boot) = self.boots.last_mut().filter(|_| sign == Sign::Init) {
            boot.booted.get_or_insert(id);
        }
        began
    }

    /// A sign of another boot came.
    fn begin_at(&mut self, sign: Sign<'_>, id: EventId) -> EventId {
        self.told = Told::of_daemon(self.restarted);
        if sign.is_daemons() {
            self.anew = true;
            return id;
        }
        let Some(fallen) = self.fallen.take() else {
            self.begin(Boot::of(id));
            return id;
        };
        if let Some(boot) = self.boots.last_mut() {
            *boot = fallen.before;
        }
        self.begin(fallen.of);
        fallen.began
    }

    fn begin(&mut self, boot: Boot) {
        if self.boots.len() >= BOOTS_KEPT {
            self.boots_left += 1;
            self.boots.pop();
        }
        self.boots.push(boot);
        self.fallen = None;
    }

    /// A lower number that is of the same boot, as far as is known.
    fn late(&mut self, id: EventId) -> Seen {
        let Some(boot) = self.boots.last_mut() else { return Seen::Same };
        let mut seen = Seen::Same;
        match self.fallen.as_mut() {
            Some(fallen) if is_fallen(boot.last, id) => fallen.of.also(id),
            Some(fallen) => fallen.before.late(id),
            None if is_fallen(boot.last, id) => {
                self.fallen = Some(Fallen { before: boot.clone(), began: id, of: Boot::of(id) });
                seen = Seen::Fallen;
            }
            None => {}
        }
        boot.late(id);
        seen
    }

    /// Whether the event that came last is more than a minute earlier than one before it.
    pub fn is_behind(&self) -> bool {
        self.behind > 0
    }

    /// Ranges that are missing within the boots.
    pub fn missing_ranges(&self) -> u64 {
        self.boots.iter().map(|boot| boot.missing.len() as u64 + boot.missing_left).sum()
    }
}

/// Whether a lower number is only late, and not of another boot, which would be later.
fn is_late(last: EventId, id: EventId) -> bool {
    last.serial - id.serial <= LATE && !fell(last, id)
}

/// Whether what begins with `first` is of another boot than what ends with `last` before it. What begins far earlier than
/// that is a copy.
fn is_other_boot(last: EventId, first: EventId) -> bool {
    first.serial < last.serial && first.time.plus(SLOW) >= last.time && !is_late(last, first)
}

/// Whether an event was logged behind another one, and is of a call that was entered later.
pub fn is_behind(before: EventId, id: EventId) -> bool {
    id.time > before.time && (id.serial > before.serial || is_other_boot(before, id))
}

/// What is in none of these, which are of one boot: whatever files they stand in.
pub fn missing_in_all<'b>(boots: impl IntoIterator<Item = &'b Boot>) -> Vec<MissingSerials> {
    let mut present: Vec<Present> = boots.into_iter().flat_map(Boot::present).collect();
    present.sort_by_key(|range| (range.from, range.to));
    let mut missing = Vec::new();
    let mut end: Option<(u64, Timestamp)> = None;
    for range in present {
        if let Some((to, ended)) = end
            && range.from > to.saturating_add(1)
        {
            missing.push(MissingSerials {
                from: to + 1,
                to: range.from - 1,
                after: ended,
                before: range.began,
            });
        }
        if end.is_none_or(|(to, _)| range.to >= to) {
            end = Some((range.to, range.ended));
        }
    }
    missing
}

impl Boot {
    fn of(id: EventId) -> Boot {
        Boot { first: id, last: id, booted: None, missing: Vec::new(), missing_left: 0 }
    }

    /// Whether a file that begins with `next` is of another boot than one before it that ends with this.
    pub fn is_over(&self, next: &Boot) -> bool {
        let is_new = |sign: EventId| {
            let again = self.booted.is_some_and(|booted| booted != sign) || is_past(self.first.time, sign);
            let again = again && sign.time > self.last.time && !goes_on(self.last.serial, next.first);
            again || is_fallen(self.last, sign)
        };
        is_other_boot(self.last, next.first) || next.booted.is_some_and(is_new)
    }

    fn also(&mut self, id: EventId) {
        match id.serial.cmp(&self.last.serial) {
            Ordering::Greater => self.goes_on(id),
            Ordering::Less => self.late(id),
            Ordering::Equal => {}
        }
    }

    fn goes_on(&mut self, id: EventId) {
        if id.serial > self.last.serial.saturating_add(1) {
            let range = MissingSerials {
                from: self.last.serial + 1,
                to: id.serial - 1,
                after: self.last.time,
                before: id.time,
            };
            self.miss(self.missing.len(), range);
        }
        self.last = EventId { time: id.time.max(self.last.time), ..id };
    }

    fn miss(&mut self, at: usize, range: MissingSerials) {
        if self.missing.len() < RANGES_KEPT {
            self.missing.insert(at.min(self.missing.len()), range);
        } else {
            self.missing_left += 1;
        }
    }

    /// A record that stands behind those of later events.
    fn late(&mut self, id: EventId) {
        if id.serial < self.first.serial {
            let behind = MissingSerials {
                from: id.serial + 1,
                to: self.first.serial - 1,
                after: id.time,
                before: self.first.time,
            };
            if behind.from <= behind.to {
                self.miss(0, behind);
            }
            self.first = id;
            return;
        }
        let holds = |range: &MissingSerials| range.from <= id.serial && id.serial <= range.to;
        let Some(at) = self.missing.iter().rposition(holds) else { return };
        let range = self.missing.remove(at);
        if id.serial < range.to {
            self.miss(at, MissingSerials { from: id.serial + 1, after: id.time, ..range });
        }
        if id.serial > range.from {
            self.miss(at, MissingSerials { to: id.serial - 1, before: id.time, ..range });
        }
    }

    fn present(&self) -> Vec<Present> {
        let mut present = Vec::with_capacity(self.missing.len() + 1);
        let (mut from, mut began) = (self.first.serial, self.first.time);
        for range in &self.missing {
            present.push(Present { from, to: range.from.saturating_sub(1), began, ended: range.after });
            (from, began) = (range.to.saturating_add(1), range.before);
        }
        present.push(Present { from, to: self.last.serial, began, ended: self.last.time });
        present
    }
}

#[cfg(test)]
mod tests;
