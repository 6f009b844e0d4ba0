//! One file per verb: `struct Args` and `fn run`.

pub mod collect;
pub mod collectors;
pub mod drill;
pub mod generate;
pub mod keygen;
pub mod logins;
pub mod open;
pub mod plan;
pub mod search;
pub mod verify;

mod asked;
mod evidence;
mod gaps;
mod interrupt;
mod keys;
#[expect(dead_code, reason = "the verbs that come next stand on it")]
mod recorded;
