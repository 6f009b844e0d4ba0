//! What is wanted of each process, and how much may have been read of them that is not delivered yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::clock::Moment;

/// Bytes that may have been read and not been delivered, of all processes: a hostile host can give each of them a
/// quarter of a million descriptors.
const UNDER_WAY: usize = 16 << 20;

/// How long a reader waits for them to be delivered: less than what makes a process one that does not answer.
const AT_MOST: Duration = Duration::from_secs(1);

/// What is wanted of each process.
#[derive(Clone)]
pub struct Wanted {
    /// Also what can keep a reader waiting.
    pub memory: bool,
    /// Also the environment.
    pub environment: bool,
    /// When the look began: starts are told by its clock.
    pub began: Moment,
    /// The device that files without a path lie on.
    pub memory_device: Option<Arc<str>>,
    /// Bytes of command lines that rows keep so far.
    pub kept: Arc<AtomicUsize>,
    /// Bytes that have been read and not been delivered.
    pub under_way: Arc<AtomicUsize>,
}

/// What of [`UNDER_WAY`] a process takes, until it is delivered or given up.
#[derive(Default)]
pub struct Weight(Arc<AtomicUsize>, usize);

impl Wanted {
    /// Waits until little enough is under way, but not for long: what is under way may be waiting for this very process,
    /// which comes before it in the order.
    pub fn wait_for_room(&self) {
        let start = Instant::now();
        while self.under_way.load(Ordering::Relaxed) > UNDER_WAY && start.elapsed() < AT_MOST {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// So many bytes are under way until what is given is dropped.
    pub fn weigh(&self, bytes: usize) -> Weight {
        self.under_way.fetch_add(bytes, Ordering::Relaxed);
        Weight(Arc::clone(&self.under_way), bytes)
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::take::{Taken, take};
    use super::*;
    use crate::clock::{Clock, SystemClock};
    use crate::host::{Host, Trouble};

    fn wanting(under_way: &Arc<AtomicUsize>) -> Wanted {
        Wanted {
            memory: true,
            environment: false,
            began: Clock::moment(&SystemClock),
            memory_device: None,
            kept: Arc::default(),
            under_way: Arc::clone(under_way),
        }
    }

    #[test]
    fn what_is_under_way_is_counted_until_it_is_delivered_or_given_up() {
        let host = Host::live(&[]).unwrap();
        let under_way: Arc<AtomicUsize> = Arc::default();
        let wanted = wanting(&under_way);
        let mut counted = 0;
        let each = |_, taken: Result<Taken, Trouble>| {
            let taken = taken.unwrap();
            counted = under_way.load(Ordering::Relaxed);
            assert_eq!(counted, taken.raw.len() + taken.descriptors.len());
            Ok::<(), ()>(())
        };
        host.each_process(vec![std::process::id()], move |process| take(process, &wanted), each).unwrap();
        assert!(counted > 0 && under_way.load(Ordering::Relaxed) == 0);
    }

    #[test]
    fn nobody_waits_for_room_until_he_counts_as_hung() {
        let wanted = wanting(&Arc::default());
        let _weight = wanted.weigh(UNDER_WAY + 1);
        let start = Instant::now();
        wanted.wait_for_room();
        assert!((AT_MOST..Duration::from_secs(3)).contains(&start.elapsed()));
    }
}
