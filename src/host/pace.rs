//! A ceiling on the processor time of a run. The one thread that takes evidence pauses whenever the run has used more than
//! its share; what reads ahead of it and what seals behind it wait for it, because their queues are short.
//!
//! Counted is what the kernel counts: this process with all of its threads, and the host programs that have ended. One that
//! is still running is counted when it ends; what it used is made up for then.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::sys;

/// What was not used of the share is kept for so long, so that waiting for a slow disk is not followed by a burst.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// A pause that would be shorter is not worth it yet.
const SHORTEST: Duration = Duration::from_millis(5);

/// A pause goes on in pieces, so that whoever wants it to end is heard.
const LONGEST: Duration = Duration::from_millis(50);

/// Where processor time and time come from, and how it is waited.
trait Meter: Send + Sync {
    /// Processor time used, and time passed.
    fn read(&self) -> (Duration, Duration);
    fn sleep(&self, span: Duration);
}

/// The kernel's meters.
struct Kernel(Instant);

impl Meter for Kernel {
    fn read(&self) -> (Duration, Duration) {
        let used = sys::usage_of_ourselves().processor + sys::usage_of_programs().processor;
        (used, self.0.elapsed())
    }

    fn sleep(&self, span: Duration) {
        thread::sleep(span);
    }
}

/// Whether the run must get on, whatever it costs.
type Hurry = Box<dyn Fn() -> bool + Send + Sync>;

/// The ceiling, and how the run stands with it.
pub struct Pace {
    meter: Box<dyn Meter>,
    /// Percent of one processor; 0 where there is no ceiling.
    percent: AtomicU32,
    account: Mutex<Account>,
    /// Who pauses: a reader that did would look as if it hung.
    taker: ThreadId,
    hurry: OnceLock<Hurry>,
    paused_ns: AtomicU64,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace::by(Kernel(Instant::now()))
    }
}

impl Pace {
    fn by(meter: impl Meter + 'static) -> Pace {
        Pace {
            meter: Box::new(meter),
            percent: AtomicU32::new(0),
            account: Mutex::default(),
            taker: thread::current().id(),
            hurry: OnceLock::new(),
            paused_ns: AtomicU64::new(0),
        }
    }

    /// From here on no more than so many percent of one processor are used, counted from the beginning.
    pub fn keep_below(&self, percent: u32) {
        self.percent.store(percent, Ordering::Relaxed);
    }

    /// The ceiling, in percent of one processor.
    pub fn ceiling(&self) -> Option<u32> {
        Some(self.percent.load(Ordering::Relaxed)).filter(|percent| *percent > 0)
    }

    /// Once `hurry` says so, nothing pauses any more: a run that is to stop is not kept waiting.
    pub fn hurry_when(&self, hurry: impl Fn() -> bool + Send + Sync + 'static) {
        // There is one run.
        let _ = self.hurry.set(Box::new(hurry));
    }

    /// Whether the run is to stop.
    pub fn is_in_hurry(&self) -> bool {
        self.hurry.get().is_some_and(|hurry| hurry())
    }

    /// Pauses until the run is below its ceiling, if it has one and this thread is the one that takes evidence.
    pub fn breathe(&self) {
        let Some(percent) = self.ceiling().filter(|_| thread::current().id() == self.taker) else { return };
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = self.meter.read();
        let mut wait = account.settle(before, percent);
        if wait < SHORTEST {
            return;
        }
        while !wait.is_zero() && !self.is_in_hurry() {
            self.meter.sleep(wait.clamp(SHORTEST, LONGEST));
            let now = self.meter.read();
            let slept = u64::try_from(now.1.saturating_sub(before.1).as_nanos()).unwrap_or(u64::MAX);
            self.paused_ns.fetch_add(slept, Ordering::Relaxed);
            before = now;
            wait = account.settle(now, percent);
        }
    }

    /// How long was paused in all. Whoever waited for something else meanwhile does not hold that against it.
    pub fn paused(&self) -> Duration {
        Duration::from_nanos(self.paused_ns.load(Ordering::Relaxed))
    }
}

/// Processor time that may be used, and when that was reckoned.
#[derive(Default)]
struct Account {
    used: Duration,
    passed: Duration,
    /// In nanoseconds; below zero, more was used than may be.
    left: i128,
}

impl Account {
    /// Reckons up to now; gives how long it takes at this share until nothing is owed.
    fn settle(&mut self, (used, passed): (Duration, Duration), percent: u32) -> Duration {
        let nanos = |span: Duration| i128::try_from(span.as_nanos()).unwrap_or(i128::MAX);
        let share = |span: Duration| nanos(span) * i128::from(percent) / 100;
        let (spent, earned) = (used.saturating_sub(self.used), passed.saturating_sub(self.passed));
        self.left = (self.left + share(earned) - nanos(spent)).min(share(KEPT_FOR));
        (self.used, self.passed) = (used, passed);
        let owed = (-self.left).max(0) * 100 / i128::from(percent.max(1));
        Duration::from_nanos(u64::try_from(owed).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A clock that moves while it is slept, and when it is told that work was done.
    #[derive(Clone, Default)]
    struct Fake(Arc<Mutex<(Duration, Duration)>>);

    impl Fake {
        /// Work of so much processor time that takes so long, in milliseconds.
        fn work(&self, processor: u64, time: u64) {
            let mut at = self.0.lock().unwrap();
            at.0 += Duration::from_millis(processor);
            at.1 += Duration::from_millis(time);
        }

        fn passed(&self) -> Duration {
            self.0.lock().unwrap().1
        }
    }

    impl Meter for Fake {
        fn read(&self) -> (Duration, Duration) {
            *self.0.lock().unwrap()
        }

        fn sleep(&self, span: Duration) {
            assert!((SHORTEST..=LONGEST).contains(&span), "{span:?}");
            self.0.lock().unwrap().1 += span;
        }
    }

    #[test]
    fn the_run_stays_below_its_ceiling_and_says_how_long_it_paused() {
        for percent in [1, 20, 50, 150] {
            let clock = Fake::default();
            let pace = Pace::by(clock.clone());
            pace.keep_below(percent);
            for _ in 0..100 {
                // Two threads, side by side.
                clock.work(20, 10);
                pace.breathe();
            }
            let (used, passed) = clock.read();
            let wanted = used * 100 / percent;
            assert!(
                passed + SHORTEST >= wanted && passed <= wanted + LONGEST,
                "{percent}: {used:?} in {passed:?}"
            );
            assert_eq!(pace.paused(), passed - Duration::from_millis(1000));
        }
    }

    #[test]
    fn without_a_ceiling_or_below_it_nothing_pauses() {
        let clock = Fake::default();
        let pace = Pace::by(clock.clone());
        clock.work(5000, 1000);
        pace.breathe();
        pace.keep_below(50);
        let clock = Fake::default();
        let pace = Pace::by(clock.clone());
        pace.keep_below(50);
        for _ in 0..100 {
            clock.work(4, 10);
            pace.breathe();
        }
        assert_eq!((pace.paused(), clock.passed()), (Duration::ZERO, Duration::from_millis(1000)));
    }

    #[test]
    fn what_a_long_wait_has_saved_is_no_burst_afterwards() {
        let clock = Fake::default();
        let pace = Pace::by(clock.clone());
        pace.keep_below(50);
        clock.work(0, 60_000);
        pace.breathe();
        clock.work(1000, 500);
        pace.breathe();
        // A second's worth was kept, half a second's was earned: a quarter of a second is owed.
        assert_eq!(pace.paused(), Duration::from_millis(500));
    }

    #[test]
    fn whoever_is_in_a_hurry_is_not_kept_waiting() {
        let clock = Fake::default();
        let pace = Pace::by(clock.clone());
        pace.keep_below(1);
        let watched = clock.clone();
        pace.hurry_when(move || watched.passed() >= Duration::from_millis(300));
        clock.work(10_000, 100);
        pace.breathe();
        assert!(clock.passed() <= Duration::from_millis(350), "{:?}", clock.passed());
    }

    #[test]
    fn a_reader_never_pauses() {
        let clock = Fake::default();
        let pace = Arc::new(Pace::by(clock.clone()));
        pace.keep_below(1);
        clock.work(10_000, 100);
        let of_reader = Arc::clone(&pace);
        thread::spawn(move || of_reader.breathe()).join().unwrap();
        assert_eq!(pace.paused(), Duration::ZERO);
    }
}
