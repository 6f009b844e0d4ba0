//! .xz (The .xz File Format, 1.2.0): a stream's blocks with their checks.

use xz4rust::{XzDecoder, XzError, XzNextBlockResult};

use super::members::{Member, PIECE, Step, guarded};
use crate::records::inflate::Broken;

/// Decodes one stream. It holds a dictionary as large as the stream says, within the limit, and 40 KiB beside.
pub(super) struct Xz {
    decoder: Box<XzDecoder<'static>>,
    buffer: Vec<u8>,
}

impl Xz {
    /// With a dictionary of so many bytes at most.
    pub fn new(limit: usize) -> Xz {
        Xz { decoder: XzDecoder::in_heap_with_alloc_dict_size(4096, limit), buffer: vec![0; PIECE] }
    }
}

impl Member for Xz {
    fn begins_with(&self, byte: u8) -> bool {
        byte == 0xfd
    }

    fn begin(&mut self) {
        self.decoder.reset();
    }

    fn step(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<Step, Broken> {
        let Xz { decoder, buffer } = self;
        if bytes.is_empty() {
            return Ok(Step::default());
        }
        let (used, made, is_done) = guarded(|| match decoder.decode(bytes, buffer) {
            Ok(XzNextBlockResult::NeedMoreData(used, made)) => Ok((used, made, false)),
            Ok(XzNextBlockResult::EndOfStream(used, made)) => Ok((used, made, true)),
            Err(error) => Err(broken(&error)),
        })?;
        each(buffer.get(..made).unwrap_or_default());
        match used == 0 && made == 0 && !is_done {
            true => Err(Broken::Stream),
            false => Ok(Step { used, is_done, has_more: false }),
        }
    }
}

fn broken(error: &XzError) -> Broken {
    match error {
        XzError::DictionaryTooLarge(wanted) => Broken::Memory(*wanted),
        XzError::ContentCrc32Mismatch(..)
        | XzError::ContentCrc64Mismatch(..)
        | XzError::ContentSha256Mismatch(..) => Broken::Checksum,
        XzError::StreamHeaderMagicNumberMismatch | XzError::StreamHeaderCrc32Mismatch(..) => Broken::Header,
        XzError::UnsupportedCheckType(_)
        | XzError::UnsupportedBcjFilter(_)
        | XzError::UnsupportedBlockHeaderOption
        | XzError::UnsupportedStreamHeaderOption => Broken::Unknown,
        _ => Broken::Stream,
    }
}
