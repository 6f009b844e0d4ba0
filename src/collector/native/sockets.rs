//! Sockets of every network namespace, asked of the kernel itself (sock_diag(7)), with the processes that hold them; and
//! where two views of them disagree.
//!
//! The order: one look through all processes for namespaces and descriptors, then the kernel's tables, then what the
//! descriptors lead to and no table lists, then, if something listens that nobody holds, one more look for its holder, then who
//! the holders are. All raw answers stand in two captures, the tables
//! are made of those.

mod answers;
mod compare;
mod gather;
mod outcomes;
mod ownerless;
mod owners;
mod substitute;
mod tables;
mod unlisted;

use crate::collector::parts;
use crate::collector::run::Run;
use crate::intake::Halt;

/// Id of the collector.
const ID: &str = "sockets";

/// Seals the kernel's answers, who holds the sockets, and the tables made of both.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let began = run.intake.now();
    let Some(scan) = parts::namespaces(run)? else { return Ok(()) };
    let gathered = gather::gather(run, &scan)?;
    let mut ownerless = ownerless::search(run, &scan, &gathered);
    let holders = owners::capture(run, &scan, std::mem::take(&mut ownerless.found), began)?;
    tables::write(run, &scan, &gathered, &holders, &ownerless)?;
    outcomes::tell(run, &scan, &gathered)
}
