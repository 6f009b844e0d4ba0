//! What a program prints on stderr.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What is kept of a program's stderr, in bytes.
pub const STDERR_LIMIT: usize = 1 << 20;

/// What a program prints on stderr. It is drained all the time, because a program whose pipe is full waits for ever.
#[derive(Debug, Default)]
pub struct Complaints {
    /// At most [`STDERR_LIMIT`] bytes of it.
    pub kept: Vec<u8>,
    /// There was more.
    pub cut: bool,
    /// Nothing more will come.
    pub ended: bool,
}

/// Drains `pipe` on a thread of its own.
pub fn listen(mut pipe: impl Read + Send + 'static, complaints: Arc<Mutex<Complaints>>) -> io::Result<()> {
    thread::Builder::new().name("complaints".into()).spawn(move || {
        let mut buffer = vec![0; 16 << 10];
        loop {
            let read = pipe.read(&mut buffer);
            let mut all = complaints.lock().unwrap_or_else(PoisonError::into_inner);
            match read {
                Ok(count) if count > 0 => {
                    let room = STDERR_LIMIT.saturating_sub(all.kept.len());
                    all.cut |= count > room;
                    all.kept.extend_from_slice(buffer.get(..count.min(room)).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => {
                    all.ended = true;
                    return;
                }
            }
        }
    })?;
    Ok(())
}
