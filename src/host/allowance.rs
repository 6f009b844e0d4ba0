//! How many watched openings a run may still make, and how fast they may come: one account for everybody who opens
//! something below a PHI folder, on whichever thread.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Events that looking into a folder causes: it is opened once.
pub const FOLDER_EVENTS: u64 = 1;

/// Events that reading a file causes: it is opened as a name first, to see that it is a file and no device, and then
/// to be read; the kernel counts both as opening for reading (`audit_match_perm` looks at the access mode alone, which is
/// 0 with `O_PATH`).
pub const FILE_EVENTS: u64 = 2;

/// Events that asking a link where it points causes: readlink(2) is of the class of reads.
pub const LINK_EVENTS: u64 = 1;

/// Events that asking for the names of extended attributes causes: listxattr(2) and its like are of the class of reads.
pub const ATTRIBUTE_EVENTS: u64 = 1;

/// Openings that are left.
#[derive(Debug)]
pub struct Allowance {
    per_second: f64,
    /// How many may come at once: what the kernel can queue while nobody takes it.
    burst: f64,
    account: Mutex<Account>,
}

#[derive(Debug)]
struct Account {
    /// None if nothing limits them.
    left: Option<u64>,
    spent: u64,
    /// How many may come now without a wait.
    ready: f64,
    filled: Instant,
}

impl Allowance {
    /// So many `events`, or any number of them; at most `per_second`, of which at most `burst` at once.
    pub fn new(events: Option<u64>, per_second: u32, burst: u32) -> Allowance {
        let burst = f64::from(burst.max(1));
        Allowance {
            per_second: f64::from(per_second.max(1)),
            burst,
            account: Mutex::new(Account { left: events, spent: 0, ready: burst, filled: Instant::now() }),
        }
    }

    /// Nothing is recorded, so that nothing limits it.
    pub fn unlimited() -> Allowance {
        Allowance::new(None, u32::MAX, u32::MAX)
    }

    /// Whether anything limits it.
    pub fn is_limited(&self) -> bool {
        self.events().is_some()
    }

    /// How many there were to begin with; none if nothing limits them.
    pub fn events(&self) -> Option<u64> {
        self.with(|account| account.left.map(|left| left + account.spent))
    }

    /// How many there were so far, where something limits them.
    pub fn spent(&self) -> u64 {
        self.with(|account| account.spent)
    }

    /// So many more events: whether what causes them may be done. Waits where they would come too fast.
    pub fn spend(&self, events: u64) -> bool {
        self.spend_down_to(events, |_| 0)
    }

    /// The same for what is less urgent than finding out what is there, as digests are: the second half of all is kept
    /// for folders and links, so that what was hashed first cannot leave folders behind it closed.
    pub fn spend_sparingly(&self, events: u64) -> bool {
        self.spend_down_to(events, |all| all / 2)
    }

    fn spend_down_to(&self, events: u64, least: impl FnOnce(u64) -> u64) -> bool {
        let wait = self.with(|account| {
            let Some(left) = account.left else { return Some(Duration::ZERO) };
            let then = left.checked_sub(events).filter(|then| *then >= least(left + account.spent))?;
            account.left = Some(then);
            account.spent += events;
            let now = Instant::now();
            let gained = now.duration_since(account.filled).as_secs_f64() * self.per_second;
            // What is not ready yet is owed: whoever comes next waits for that too.
            account.ready = (account.ready + gained).min(self.burst) - events as f64;
            account.filled = now;
            Some(Duration::from_secs_f64((-account.ready).max(0.0) / self.per_second))
        });
        let Some(wait) = wait else { return false };
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
        true
    }

    fn with<T>(&self, work: impl FnOnce(&mut Account) -> T) -> T {
        work(&mut self.account.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_ends_and_none_does_not() {
        let two = Allowance::new(Some(2), 1000, 10);
        assert!(two.spend(1) && two.spend(1) && !two.spend(1));
        assert_eq!((two.events(), two.spent()), (Some(2), 2));
        let free = Allowance::unlimited();
        assert!((0..1000).all(|_| free.spend(2)));
        assert!(!free.is_limited() && free.spent() == 0);
    }

    #[test]
    fn what_is_less_urgent_leaves_half_to_what_is_more() {
        let ten = Allowance::new(Some(10), 1000, 100);
        assert!(ten.spend(1) && ten.spend_sparingly(3) && !ten.spend_sparingly(2) && ten.spend_sparingly(1));
        assert!(!ten.spend_sparingly(1) && ten.spend(5) && !ten.spend(1));
        assert_eq!((ten.events(), ten.spent()), (Some(10), 10));
        assert!(Allowance::unlimited().spend_sparingly(1000));
    }

    #[test]
    fn what_is_over_the_burst_is_paced_and_rest_does_not_save_up_for_more() {
        let allowance = Allowance::new(Some(1000), 100, 10);
        std::thread::sleep(Duration::from_millis(300));
        let start = Instant::now();
        assert!((0..5).all(|_| allowance.spend(2)));
        assert!(start.elapsed() < Duration::from_millis(90), "{:?}", start.elapsed());
        assert!((0..10).all(|_| allowance.spend(2)));
        assert!(start.elapsed() >= Duration::from_millis(180), "{:?}", start.elapsed());
    }
}
