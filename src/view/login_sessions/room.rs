//! Room in memory: each source has its own, so that what one tells never depends on how much another said before.

/// What is left of it.
#[derive(Clone, Debug)]
pub(super) struct Room {
    left: usize,
    /// What was left out for want of it.
    pub refused: u64,
}

impl Room {
    /// So many bytes.
    pub(super) fn of(bytes: usize) -> Room {
        Room { left: bytes, refused: 0 }
    }

    /// Whether so many bytes are left.
    pub(super) fn has(&self, bytes: usize) -> bool {
        self.left >= bytes
    }

    /// Gives bytes back.
    pub(super) fn give(&mut self, bytes: usize) {
        self.left = self.left.saturating_add(bytes);
    }

    /// Takes bytes, if there are so many; else that is counted.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.refused += 1;
                false
            }
        }
    }
}
