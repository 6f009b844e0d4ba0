//! bzip2: blocks of up to 900,000 bytes, each with its checksum.

use bzip2::{Decompress, Error, Status};

use super::members::{Member, PIECE, Step, guarded};
use crate::records::inflate::Broken;

/// Decodes one stream. It holds 3.7 MiB at most (bzip2(1), MEMORY MANAGEMENT).
pub(super) struct Bzip2 {
    decoder: Decompress,
    buffer: Vec<u8>,
}

impl Bzip2 {
    /// Before the first byte.
    pub fn new() -> Bzip2 {
        Bzip2 { decoder: Decompress::new(false), buffer: vec![0; PIECE] }
    }
}

impl Member for Bzip2 {
    fn begins_with(&self, byte: u8) -> bool {
        byte == b'B'
    }

    /// 3.7 MiB are set up for each stream, at its first block.
    fn cost(&self) -> u64 {
        64 << 10
    }

    fn begin(&mut self) {
        self.decoder = Decompress::new(false);
    }

    fn step(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<Step, Broken> {
        let Bzip2 { decoder, buffer } = self;
        let before = (decoder.total_in(), decoder.total_out());
        let status = guarded(|| match decoder.decompress(bytes, buffer) {
            Ok(Status::MemNeeded) => Err(Broken::Memory(4 << 20)),
            Ok(status) => Ok(status),
            Err(Error::DataMagic) => Err(Broken::Header),
            Err(_) => Err(Broken::Stream),
        })?;
        let used = usize::try_from(decoder.total_in() - before.0).unwrap_or(0);
        let made = usize::try_from(decoder.total_out() - before.1).unwrap_or(0);
        each(buffer.get(..made).unwrap_or_default());
        let is_done = status == Status::StreamEnd;
        match used == 0 && made == 0 && !is_done && !bytes.is_empty() {
            true => Err(Broken::Stream),
            false => Ok(Step { used, is_done, has_more: made == PIECE && !is_done }),
        }
    }
}
