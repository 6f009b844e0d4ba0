#![no_main]
//! Any bytes as a log that passes into the seal, in any pieces: as it is, and as the body of a gzip file.

use libfuzzer_sys::fuzz_target;
use phi_ir::records::audit_log::Asked;
use phi_ir::records::form::Form;
use phi_ir::records::inflate::Inflater;
use phi_ir::records::observer::{Observer, Wanted};
use phi_ir::records::unpack::{Compression, Unpacker};

const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03";

/// The text in the pieces of a file, how it is compressed, and whether it could be read to its end.
fn text(bytes: &[u8], piece: usize) -> (Vec<u8>, Compression, bool) {
    let (mut unpacker, mut text) = (Unpacker::default(), Vec::new());
    // Deflated a thousandfold: the beginning is enough here.
    let mut keep = |more: &[u8]| {
        if text.len() < 1 << 20 {
            text.extend_from_slice(more);
        }
    };
    bytes.chunks(piece).for_each(|bytes| unpacker.piece(bytes, &mut keep));
    let (compression, unread) = unpacker.end(&mut keep);
    text.truncate(1 << 20);
    (text, compression, unread.is_none())
}

/// All that can be wanted of a log: every event goes to `kept_events`.
fn wanted() -> Wanted {
    Wanted { asked: Asked::default(), events: Some((Box::new(|_, _| true), 64 << 10)), room: 64 << 10 }
}

fuzz_target!(|bytes: &[u8]| {
    let size = bytes.len() as u64;
    for body in [bytes.to_vec(), [GZIP, bytes].concat()] {
        let (whole, compression, read) = text(&body, 4096);
        let (apart, same, read_apart) = text(&body, 5);
        assert_eq!((compression, read), (same, read_apart));
        assert!(!read || whole == apart, "the pieces decide what is in it");
        assert!(compression != Compression::None || body.starts_with(&whole));
        for form in [Form::Audit, Form::Journal, Form::Text, Form::Sqlite, Form::Utmp] {
            let _ = form.fits(&body, size);
            let Some(mut observer) = Observer::of(form, wanted()) else { continue };
            body.chunks(1009).for_each(|piece| observer.piece(piece));
            let _ = observer.end().span();
        }
    }
    if Inflater::fits(bytes) {
        let _ = Inflater::default().push(bytes, &mut |_| ());
    }
});
