//! What compressed formats have in common: a file is one stream behind another, each of which may be cut off, damaged or
//! made to swell. The formats themselves each know how one stream is decoded.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::records::inflate::{Broken, STREAM, is_beyond};

/// Bytes that come out in one piece, where the format does not say how many.
pub(super) const PIECE: usize = 32 << 10;

/// What a step of a decoder has come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step {
    /// Bytes that it used.
    pub used: usize,
    /// The stream has ended.
    pub is_done: bool,
    /// More comes out even if no more goes in; not where the stream has ended.
    pub has_more: bool,
}

/// Decodes one stream, and then the next.
pub(super) trait Member: Send {
    /// Whether a stream can begin with this byte.
    fn begins_with(&self, byte: u8) -> bool;

    /// What a stream counts for besides what comes out of it, in bytes: as much work as it is to begin one.
    fn cost(&self) -> u64 {
        STREAM
    }

    /// The bytes that follow are another stream's.
    fn begin(&mut self);

    /// Uses some of the bytes, and gives what comes out: no more in one step than a few megabytes. A decoder that does
    /// neither must say that it is broken, or else go on to something that does.
    fn step(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<Step, Broken>;

    /// Nothing more will come: gives what was decoded and kept back.
    fn give_up(&mut self, _each: &mut dyn FnMut(&[u8])) {}
}

/// Where in a file the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Before the first stream.
    Ahead,
    /// In a stream.
    Within,
    /// Behind a stream, or in the zeros that follow one (.xz file format, 2.2; blocks of a tape).
    Behind,
}

/// Unpacks the streams of a file as bytes come.
pub(super) struct Members {
    member: Box<dyn Member>,
    stage: Stage,
    given: u64,
    come_out: u64,
    begun: u64,
    broken: Option<Broken>,
}

impl std::fmt::Debug for Members {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Members({} bytes into {})", self.given, self.come_out)
    }
}

impl Members {
    /// Of a file whose streams are decoded so.
    pub fn of(member: impl Member + 'static) -> Members {
        Members {
            member: Box::new(member),
            stage: Stage::Ahead,
            given: 0,
            come_out: 0,
            begun: 0,
            broken: None,
        }
    }

    /// The next bytes of the file. Once it is broken, nothing more comes out.
    pub fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) {
        if self.broken.is_some() {
            return;
        }
        self.given += bytes.len() as u64;
        if let Err(broken) = self.all(bytes, each) {
            self.broken = Some(broken);
            if broken != Broken::Swells {
                self.member.give_up(each);
            }
        }
    }

    /// The file has ended.
    pub fn end(&mut self, each: &mut dyn FnMut(&[u8])) -> Result<(), Broken> {
        match (self.broken, self.stage) {
            (Some(broken), _) => Err(broken),
            (None, Stage::Behind) => Ok(()),
            (None, Stage::Ahead | Stage::Within) => {
                self.member.give_up(each);
                Err(Broken::CutOff)
            }
        }
    }

    fn all(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<(), Broken> {
        let (mut rest, mut has_more) = (bytes, false);
        while !rest.is_empty() || has_more {
            let step = match self.stage {
                Stage::Within => self.within(rest, each)?,
                Stage::Ahead | Stage::Behind => self.between(rest)?,
            };
            rest = rest.get(step.used..).unwrap_or_default();
            has_more = step.has_more;
        }
        Ok(())
    }

    fn between(&mut self, rest: &[u8]) -> Result<Step, Broken> {
        match rest.first() {
            Some(byte) if self.member.begins_with(*byte) => {
                if is_beyond(self.come_out + self.begun * self.member.cost(), self.given) {
                    return Err(Broken::Streams);
                }
                self.begun += 1;
                self.member.begin();
                self.stage = Stage::Within;
                Ok(Step::default())
            }
            Some(0) if self.stage == Stage::Behind => {
                let zeros = rest.iter().take_while(|byte| **byte == 0).count();
                Ok(Step { used: zeros, ..Step::default() })
            }
            _ => Err(Broken::Trailing),
        }
    }

    fn within(&mut self, rest: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<Step, Broken> {
        let mut made = 0;
        let step = self.member.step(rest, &mut |out| {
            made += out.len() as u64;
            each(out);
        })?;
        self.come_out += made;
        if is_beyond(self.come_out, self.given) {
            return Err(Broken::Swells);
        }
        if step.is_done {
            self.stage = Stage::Behind;
        }
        Ok(step)
    }
}

/// Lets a decoder work on bytes that somebody may have made to stop it: whatever it stumbles over is damage, and ends
/// nothing but the file.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Broken>) -> Result<T, Broken> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Broken::Stream))
}

/// Bytes of a structure whose length is known, as far as they have come.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: Vec<u8>,
}

impl Held {
    /// Takes what is missing of as many bytes as are wanted; says how many it took.
    pub fn fill(&mut self, wanted: usize, bytes: &[u8]) -> usize {
        let taken = bytes.get(..wanted.saturating_sub(self.bytes.len())).unwrap_or(bytes);
        self.bytes.extend_from_slice(taken);
        taken.len()
    }

    /// Those that have come.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of four bytes that stands here, lowest first.
    pub fn number(&self, at: usize) -> Option<u32> {
        self.bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// Waits for the next structure.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }
}

/// Magic numbers of frames that hold no content, in the frame formats of Zstandard and LZ4 alike (RFC 8878, 3.1.2).
pub(super) fn is_skippable(magic: u32) -> bool {
    (0x184d_2a50..=0x184d_2a5f).contains(&magic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::inflate::FREE;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A stream is one byte, and nothing comes out of it.
    struct Nothing(Arc<AtomicU64>);

    impl Member for Nothing {
        fn begins_with(&self, _: u8) -> bool {
            true
        }

        fn begin(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn step(&mut self, _: &[u8], _: &mut dyn FnMut(&[u8])) -> Result<Step, Broken> {
            Ok(Step { used: 1, is_done: true, has_more: false })
        }
    }

    #[test]
    fn streams_of_nothing_are_not_begun_for_ever() {
        let begun = Arc::new(AtomicU64::new(0));
        let mut members = Members::of(Nothing(Arc::clone(&begun)));
        (0..100_000).for_each(|_| members.push(b"1", &mut |_| ()));
        assert_eq!(members.end(&mut |_| ()), Err(Broken::Streams));
        assert_eq!(begun.load(Ordering::Relaxed), FREE / STREAM + 1);
    }
}
