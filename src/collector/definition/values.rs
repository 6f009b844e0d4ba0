//! Sizes, spans and exit statuses as definitions write them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::clock::parse_span;
use crate::custody::outcome::Outcome;

/// `512 KiB`, `64 MiB`, `2 GiB`, or plain bytes.
pub fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Bytes(u64),
        Text(String),
    }
    match Size::deserialize(deserializer)? {
        Size::Bytes(bytes) => Ok(Some(bytes)),
        Size::Text(text) => parse_size(&text)
            .map(Some)
            .ok_or_else(|| de::Error::custom(format!("{text:?} is no size; write it as \"64 MiB\""))),
    }
}

/// Reads `512 KiB`, `64 MiB`, `2 GiB`, `1 TiB`, or plain bytes.
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let shift = match unit.trim() {
        "" | "B" => 0,
        "KiB" | "K" => 10,
        "MiB" | "M" => 20,
        "GiB" | "G" => 30,
        "TiB" | "T" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

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
