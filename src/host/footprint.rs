//! What a run does to the host it examines, counted where it happens.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// The counters. All only ever grow.
#[derive(Debug, Default)]
pub struct Footprint {
    files_opened: AtomicU64,
    folders_opened: AtomicU64,
    atimes_at_risk: AtomicU64,
    bytes_read: AtomicU64,
    tools_run: AtomicU64,
    readers_left_behind: AtomicU64,
}

/// The counters at one moment. Keys are sorted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FootprintCounts {
    /// Files and folders that had to be opened without `O_NOATIME`, and links that were read: their access time may
    /// have changed.
    pub atimes_at_risk: u64,
    /// Bytes read from files.
    pub bytes_read: u64,
    /// Files opened.
    pub files_opened: u64,
    /// Folders opened.
    pub folders_opened: u64,
    /// Readers that never came back.
    pub readers_left_behind: u64,
    /// Host programs run.
    pub tools_run: u64,
}

impl Footprint {
    /// A file was opened, with or without `O_NOATIME`.
    pub fn file(&self, without_atime: bool) {
        self.files_opened.fetch_add(1, Ordering::Relaxed);
        self.atime(without_atime);
    }

    /// A folder was opened, with or without `O_NOATIME`.
    pub fn folder(&self, without_atime: bool) {
        self.folders_opened.fetch_add(1, Ordering::Relaxed);
        self.atime(without_atime);
    }

    /// A link was read, which no kernel does without its access time.
    pub fn link(&self) {
        self.atime(false);
    }

    fn atime(&self, without_atime: bool) {
        self.atimes_at_risk.fetch_add(u64::from(!without_atime), Ordering::Relaxed);
    }

    /// Bytes were read.
    pub fn read(&self, bytes: usize) {
        self.bytes_read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A host program was run.
    pub fn tool(&self) {
        self.tools_run.fetch_add(1, Ordering::Relaxed);
    }

    /// A reader was left behind.
    pub fn left_behind(&self) {
        self.readers_left_behind.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters now.
    pub fn counts(&self) -> FootprintCounts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        FootprintCounts {
            atimes_at_risk: get(&self.atimes_at_risk),
            bytes_read: get(&self.bytes_read),
            files_opened: get(&self.files_opened),
            folders_opened: get(&self.folders_opened),
            readers_left_behind: get(&self.readers_left_behind),
            tools_run: get(&self.tools_run),
        }
    }
}
