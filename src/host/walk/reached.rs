//! How far a walk has come, so that another walker can go on where one did not come back.

use super::Found;
use super::examine::{Batch, Item, Turned};
use crate::host::pattern::Pattern;
use crate::path::HostPath;

/// The last turn that was handed on.
#[derive(Default)]
pub struct Reached {
    /// Below the base, with a slash behind it where it was to be entered; nothing before the first.
    turn: Vec<u8>,
    /// It is what this number in the batch stands for.
    number: Option<usize>,
}

impl Reached {
    /// Something is handed on.
    pub fn note(&mut self, item: &Item, pattern: &Pattern) {
        match item {
            Item::Seen(number, _) => self.number = Some(*number),
            Item::Said(found, turned) => {
                let place = match found {
                    Found::Trouble(place, _) | Found::LeftOut(place, _) => place,
                    Found::TooDeep(place) | Found::OverAllowance(place) => place,
                    Found::Match(_) | Found::Led(_) => return,
                };
                if *turned != Turned::Before {
                    (self.turn, self.number) = (Reached::key(pattern, &place.path, *turned), None);
                }
            }
            Item::Taken => {}
        }
    }

    /// The batch gives way to the next.
    pub fn settle(&mut self, pattern: &Pattern, batch: &Batch) {
        if let Some((folder, name)) = self.number.take().and_then(|number| batch.named(number)) {
            self.turn = Reached::key(pattern, &folder.path.join(name), Turned::Name);
        }
    }

    /// The turn; for a batch that has been settled.
    pub fn bytes(&self) -> Vec<u8> {
        self.turn.clone()
    }

    /// What the turn at `path` is called below the base of a pattern.
    pub fn key(pattern: &Pattern, path: &HostPath, turned: Turned) -> Vec<u8> {
        let below = path.as_bytes().strip_prefix(pattern.base().as_bytes()).unwrap_or_default();
        let mut key = below.strip_prefix(b"/").unwrap_or(below).to_vec();
        if turned == Turned::Entry {
            key.push(b'/');
        }
        key
    }
}
