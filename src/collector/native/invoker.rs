//! Who started this run: user, login, terminal, and the chain of parents. So that our own traces in the host's logs
//! can be told from anybody else's.

use serde::Serialize;

use crate::collector::run::Run;
use crate::custody::entry::{Base64, Kind, Source};
use crate::custody::json;
use crate::custody::ledger::Draft;
use crate::custody::member::Member;
use crate::host::myself::{Myself, myself};
use crate::intake::Halt;
use crate::path::shown;

#[derive(Serialize)]
struct Invoker {
    argv: Vec<String>,
    argv_b64: Vec<Base64>,
    process: Myself,
}

/// Asks the kernel about ourselves.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let taken = run.intake.now();
    let invoker = Invoker {
        argv: run.request.argv.iter().map(|argument| shown(argument)).collect(),
        argv_b64: run.request.argv.iter().cloned().map(Base64).collect(),
        process: myself(),
    };
    let draft = Draft::new(Kind::Capture, Source::text("/proc/self and its parents"), taken);
    let entry =
        run.intake.capture(Member::of_live("invoker", "invoker.json"), draft, json::document(&invoker)?)?;
    run.intake.remember("invoker", entry);
    Ok(())
}
