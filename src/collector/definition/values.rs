//! Spans and exit statuses as definitions write them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::clock::parse_span;
use crate::custody::outcome::Outcome;

/// `90s`, `15m`, `2h`.
pub fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_span(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

/// TOML keys are text; exit statuses are numbers.
pub fn exits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<i32, Outcome>, D::Error> {
    let words = BTreeMap::<String, Outcome>::deserialize(deserializer)?;
    let number =
        |text: &str| text.parse().map_err(|_| de::Error::custom(format!("{text:?} is no exit status")));
    words.into_iter().map(|(status, outcome)| Ok((number(&status)?, outcome))).collect()
}

/// How long a host program may run unless its step says otherwise.
pub fn tool_timeout() -> Duration {
    Duration::from_secs(60)
}

/// What a host program may print, in bytes.
#[expect(clippy::unnecessary_wraps, reason = "the default of an optional value")]
pub fn tool_output() -> Option<u64> {
    Some(256 << 20)
}

/// What it means that one ends well and prints nothing.
pub fn silence() -> Outcome {
    Outcome::Inconclusive
}
