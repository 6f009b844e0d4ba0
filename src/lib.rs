//! phi-ir: forensic evidence from Linux servers that hold patients' health information.
//!
//! This library is the program's own and no public interface; it exists so that tests, benches and fuzzers can reach
//! the parts. A walk through it, in the direction in which evidence flows:
//!
//! - [`clock`], [`case`], [`path`], [`config`]: the time, the people, the names, the settings.
//! - [`custody`]: what makes bytes evidence. Entries chained in a ledger, lists, the seal document, the receipt, the
//!   verdict. Pure; its JSON names are frozen.
//! - [`records`]: formats into records. Pure.
//! - [`view`]: records into answers, each with what it does not cover. Pure.
//! - [`host`]: the machine under examination; the only code that reads evidence.
//! - [`intake`]: the one door that evidence passes through. It hashes, limits, and writes an entry for everything,
//!   obtained or not.
//! - [`collector`]: what is taken and in which order. Definitions are TOML files under `collectors/`; native code is a
//!   step that they name.
//! - [`report`]: answers into tables, CSV, JSON Lines and the formats of other tools.
//! - [`seal`]: a ZIP in an age file, written in one pass and read back strictly.
//! - [`command`], [`cli`], [`term`]: one file per verb, the parser, and the rules of the user interface.
//!
//! Nothing points the other way; `tests/architecture.rs` holds that.

pub mod case;
pub mod cli;
pub mod clock;
pub mod collector;
pub mod command;
pub mod config;
pub mod custody;
pub mod host;
pub mod intake;
pub mod path;
pub mod records;
pub mod report;
pub mod seal;
pub mod term;
pub mod view;
