//! The bytes of logs as they were written, whatever they were packed with.

use std::ops::ControlFlow;

use crate::command::evidence::{Evidence, Log};
use crate::records::unpack::{Unpacker, Unread};
use crate::term::Failure;

/// A bundle that is not what it was ends everything; of anything else that cannot be read it is told why.
pub fn unless_forged(read: Result<(), Failure>) -> Result<Option<String>, Failure> {
    match read {
        Err(failure) if failure.is_of_verification() => Err(failure),
        read => Ok(read.err().map(|failure| failure.message().to_owned())),
    }
}

/// The bytes of a log, unpacked as far as that goes; why it could not be read to its end.
pub fn unpacked(
    evidence: &Evidence,
    log: &Log,
    each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<Option<String>, Failure> {
    let (mut unpacker, mut flow) = (Unpacker::default(), ControlFlow::Continue(()));
    let read = evidence.read_while(log, &mut |bytes| {
        unpacker.piece(bytes, &mut |text| {
            if flow.is_continue() {
                flow = each(text);
            }
        });
        flow
    });
    let (_, unread) = unpacker.end(&mut |text| {
        if flow.is_continue() {
            flow = each(text);
        }
    });
    let unread = unread.filter(|_| flow.is_continue()).map(|unread: Unread| unread.to_string());
    Ok(unless_forged(read)?.or(unread))
}
