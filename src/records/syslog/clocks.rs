//! The clocks of the machines that write into one log, beside one another. Between two lines of a machine nothing but their
//! days is needed: a step back by more than 30 days is a New Year, a small one an adjusted clock or lines out of order. But a
//! clock can have been wrong for a while, or for good: a machine without a battery begins at any day, and others come to it
//! through a relay. So a step is undone where a later line comes back to where it was taken, and no machine's steps are
//! another's.

use std::collections::BTreeMap;

use super::stamp::Day;

/// A day's seconds.
pub(super) const DAY: i64 = 86_400;
/// Steps back of more days than this are a New Year.
const NEW_YEAR: i64 = 30 * DAY;
/// A step of nearly a year forward that is a step back by less than this: lines out of order, or an adjusted clock, around
/// midnight of New Year. A log that is silent for all of a year but these hours would be read one year too late.
const OUT_OF_ORDER: i64 = 2 * 3_600;
/// Whoever comes back so soon behind the place of a step has not been away for a year.
const NEAR: i64 = 30 * DAY;
/// So long can a machine be silent beside the others before its own last line tells nothing of its year.
const SILENT: i64 = 200 * DAY;
/// Clocks of machines differ by less than this, if they are right.
const BESIDE: i64 = 2 * DAY;
/// Machines that are told apart; further ones count as one.
const HOSTS: usize = 256;
/// Bytes of a machine's name that tell it apart.
const NAME: usize = 64;
/// Pieces of different years that are kept of a machine's lines; a log of more than these is longer than any.
const PIECES: usize = 512;
/// Steps of a machine's clock that may be undone.
const ASIDES: usize = 8;

/// How many years behind the first line of the file, and the day.
pub(super) type At = (i64, Day);

/// Seconds, as if all years were leap years, so that every day has its place.
fn seconds((year, day): At) -> i64 {
    year * 366 * DAY + day.local(2000)
}

/// Where the clock stands that stood `from` when the line before was written.
fn after(from: At, day: Day) -> At {
    let (before, now) = (from.1.local(2000), day.local(2000));
    let year = if before - now > NEW_YEAR {
        from.0 + 1
    } else if before - (now - 366 * DAY) <= OUT_OF_ORDER {
        from.0 - 1
    } else {
        from.0
    };
    (year, day)
}

/// Lines of one machine that are of one year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where in the file it begins.
    pub from: u64,
    /// Behind the first line of the file.
    pub year: i64,
    /// Its lines.
    pub lines: u64,
    /// The latest of the days without a year.
    pub latest: Option<Day>,
    /// One of them is a 29 February.
    pub has_leap_day: bool,
}

/// A step over more than 30 days.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Aside {
    before: At,
    began: At,
    /// The first piece behind it.
    piece: usize,
}

/// The clock of one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Host {
    pub pieces: Vec<Piece>,
    /// The others have been earlier after it.
    pub is_ahead: bool,
    last: Option<At>,
    asides: Vec<Aside>,
    /// Where all clocks stood when it was heard last.
    heard: i64,
    /// Its first piece of a year that only follows from where another machine's clock stood, and when that began.
    guess: Option<(usize, i64)>,
    /// It went so far before all others at once, and when that began.
    alone: Option<(i64, i64)>,
    /// Such a guess was refuted, and it has not come near the others since.
    is_astray: bool,
    doubtful: u64,
}

impl Host {
    /// All of its lines.
    pub fn lines(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.lines).sum()
    }

    /// The latest day without a year, with its year.
    pub fn latest(&self) -> Option<At> {
        self.pieces.iter().filter_map(|piece| Some((piece.year, piece.latest?))).max()
    }

    /// Nothing says so far that its clock is right where it stands: it went there at once, has not been there for as long as
    /// the way takes, and no other machine has come there.
    pub fn is_unconfirmed(&self) -> bool {
        self.guess.is_some() || self.alone.is_some() || !self.asides.is_empty()
    }

    /// Its first piece behind a step that no later line has undone, or confirmed.
    pub fn unsteady(&self) -> usize {
        self.asides.first().map_or(0, |aside| aside.piece)
    }

    /// The next line, without a year.
    fn line(&mut self, day: Day, offset: u64, clock: Option<At>) -> At {
        let is_silent = clock.is_some_and(|clock| (seconds(clock) - self.heard).abs() > SILENT);
        let at = match (self.last.filter(|_| !is_silent), clock) {
            (Some(last), _) => self.follow(last, day, offset),
            (None, Some(clock)) => self.beside(clock, day, offset),
            (None, None) => self.put((0, day), offset, false),
        };
        if let Some(piece) = self.pieces.last_mut() {
            piece.lines += 1;
            piece.latest = piece.latest.max(Some(day));
            piece.has_leap_day |= (day.month, day.day) == (2, 29);
        }
        self.go_ahead(seconds(at), self.last.max(clock));
        self.last = Some(at);
        at
    }

    /// Its clock is there now; this is where it was, or where the others were after that. What went back was there for a
    /// while only.
    fn go_ahead(&mut self, now: i64, before: Option<At>) {
        self.alone = match (self.alone, before) {
            (Some((way, began)), _) if now - began > way.min(NEAR) || began - now > BESIDE => None,
            (None, Some(before)) => Some((now - seconds(before), now)).filter(|(way, _)| *way > BESIDE),
            (alone, _) => alone,
        };
    }

    /// A line behind another one of the same machine.
    fn follow(&mut self, last: At, day: Day, offset: u64) -> At {
        let at = after(last, day);
        let is_step = seconds(at) - seconds(last) > NEW_YEAR;
        if is_step && let Some(back) = self.come_back(last, day) {
            return self.put(back, offset, false);
        }
        let pieces = self.pieces.len();
        let put = self.put(at, offset, is_step);
        if is_step && self.pieces.len() > pieces {
            if self.asides.len() >= ASIDES {
                self.asides.remove(0);
            }
            self.asides.push(Aside { before: last, began: at, piece: pieces });
        }
        self.asides.retain(|aside| (seconds(put) - seconds(aside.began)).abs() <= NEAR + DAY);
        if self.guess.is_some_and(|(_, began)| seconds(put) - began > NEAR) {
            self.guess = None;
        }
        put
    }

    /// Whether the clock is where it was before it stepped, and as much later as it took meanwhile: then the step was none.
    fn come_back(&mut self, last: At, day: Day) -> Option<At> {
        let is_back = |aside: &Aside| {
            let behind = seconds(after(aside.before, day)) - seconds(aside.before);
            let took = seconds(last) - seconds(aside.began);
            (-OUT_OF_ORDER..=NEAR).contains(&behind) && took <= behind + DAY
        };
        let index = self.asides.iter().rposition(is_back)?;
        let aside = self.asides.get(index)?.clone();
        self.asides.truncate(index);
        let undone: u64 = self.pieces.iter().skip(aside.piece).map(|piece| piece.lines).sum();
        self.pieces.truncate(aside.piece);
        self.doubtful += undone;
        if let Some(piece) = self.pieces.last_mut() {
            piece.lines += undone;
        }
        Some(after(aside.before, day))
    }

    /// The first line of a machine, or the first after a long time.
    fn beside(&mut self, clock: At, day: Day, offset: u64) -> At {
        self.asides.clear();
        let at = after(clock, day);
        let is_guess = seconds(at) - seconds(clock) > NEW_YEAR && at.0 > clock.0;
        let pieces = self.pieces.len();
        let put = self.put(at, offset, is_guess);
        self.guess = Some((pieces, seconds(put))).filter(|_| is_guess && self.pieces.len() > pieces);
        self.alone = None;
        put
    }

    /// The year of a line: in a piece of its own, if need be.
    fn put(&mut self, at: At, offset: u64, apart: bool) -> At {
        match self.pieces.last() {
            Some(piece) if piece.year == at.0 && !apart => at,
            Some(piece) if self.pieces.len() >= PIECES => {
                self.doubtful += u64::from(piece.year != at.0);
                (piece.year, at.1)
            }
            _ => {
                let piece = Piece { from: offset, year: at.0, lines: 0, latest: None, has_leap_day: false };
                self.pieces.push(piece);
                at
            }
        }
    }

    /// A line of another machine, whose year is not guessed, is at this place: is this one's year a guess that it refutes?
    fn judge(&mut self, place: i64) {
        let Some(((piece, _), last)) = self.guess.take().zip(self.last) else { return };
        if seconds(last) - place > 183 * DAY {
            for piece in self.pieces.iter_mut().skip(piece) {
                piece.year -= 1;
                self.doubtful += piece.lines;
            }
            self.last = Some((last.0 - 1, last.1));
            self.asides.clear();
            self.alone = None;
            self.is_astray = true;
        }
    }

    /// A line of it is here, and the others are there.
    fn stray(&mut self, at: At, clock: Option<At>) {
        self.is_astray &= clock.is_some_and(|clock| (seconds(clock) - seconds(at)).abs() > NEW_YEAR);
        self.doubtful += u64::from(self.is_astray);
    }
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Clocks {
    pub hosts: Vec<(Vec<u8>, Host)>,
    names: BTreeMap<Vec<u8>, usize>,
    /// The last line of which there is no doubt.
    clock: Option<At>,
    /// The machine whose clock stands latest of those that are not ahead, and where.
    front: Option<(usize, i64)>,
    guesses: bool,
}

impl Clocks {
    /// The next line, of this machine and without a year; where it stands.
    pub fn line(&mut self, name: &[u8], day: Day, offset: u64) -> At {
        let (index, clock) = (self.index(name), self.clock);
        let Some((_, host)) = self.hosts.get_mut(index) else { return (0, day) };
        let at = host.line(day, offset, clock);
        host.stray(at, clock);
        let is_sure = host.guess.is_none() && host.asides.is_empty() && !host.is_astray;
        self.guesses |= host.guess.is_some();
        if is_sure {
            self.sure(index, at);
        }
        let now = self.clock.map_or(seconds(at), seconds);
        self.hosts.get_mut(index).into_iter().for_each(|(_, host)| host.heard = now);
        at
    }

    /// The line that was the last one of this machine has its year.
    pub fn dated(&mut self, name: &[u8], at: At, offset: u64) {
        let index = self.index(name);
        let Some((_, host)) = self.hosts.get_mut(index) else { return };
        (host.last, host.guess) = (Some(at), None);
        host.asides.clear();
        host.put(at, offset, false);
        self.sure(index, at);
        self.hosts.get_mut(index).into_iter().for_each(|(_, host)| host.heard = seconds(at));
    }

    /// Where a line with its year would be, if it had none.
    pub fn would_be(&self, name: &[u8], day: Day) -> At {
        let host = self.names.get(short(name)).and_then(|index| self.hosts.get(*index));
        let last = host.and_then(|(_, host)| host.last).or(self.clock);
        last.map_or((0, day), |last| after(last, day))
    }

    /// Lines of clocks that were wrong, as far as can be told.
    pub fn doubtful(&self) -> u64 {
        self.hosts.iter().map(|(_, host)| host.doubtful).sum()
    }

    /// A line of which there is no doubt.
    fn sure(&mut self, index: usize, at: At) {
        self.clock = Some(at);
        let place = seconds(at);
        if std::mem::take(&mut self.guesses) {
            let others = self.hosts.iter_mut().enumerate().filter(|(other, _)| *other != index);
            others.for_each(|(_, (_, host))| host.judge(place));
        }
        if let Some((front, latest)) = self.front.filter(|(front, _)| *front != index)
            && let Some((_, host)) = self.hosts.get_mut(front)
        {
            if latest - place > BESIDE {
                host.is_ahead = true;
                self.front = None;
            } else if place - latest <= BESIDE {
                host.alone = None;
            }
        }
        let is_ahead = self.hosts.get(index).is_some_and(|(_, host)| host.is_ahead);
        if !is_ahead && self.front.is_none_or(|(_, latest)| place >= latest) {
            self.front = Some((index, place));
        }
    }

    fn index(&mut self, name: &[u8]) -> usize {
        let name = short(name);
        if let Some(index) = self.names.get(name) {
            return *index;
        }
        let name = if self.hosts.len() < HOSTS { name } else { b"" };
        let (hosts, new) = (&mut self.hosts, self.names.len());
        *self.names.entry(name.to_vec()).or_insert_with(|| {
            hosts.push((name.to_vec(), Host::default()));
            new
        })
    }
}

/// As much of a name as tells machines apart.
pub(super) fn short(name: &[u8]) -> &[u8] {
    name.get(..NAME).unwrap_or(name)
}
