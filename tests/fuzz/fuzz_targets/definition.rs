#![no_main]
//! Any text as a collector's definition, and as the config.

use libfuzzer_sys::fuzz_target;
use phi_ir::collector::definition::Definition;
use phi_ir::config::{Config, parse_toml};

fuzz_target!(|text: &str| {
    let _ = Definition::parse("fuzzed", text, "built in");
    let _ = parse_toml::<Config>("config.toml", text);
});
