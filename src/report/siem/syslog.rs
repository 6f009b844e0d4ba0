//! Syslog lines (RFC 5424): the fields as structured data, and a sentence behind them.

use std::fmt::Write as _;

use super::{Outcome, SiemEvent, Subject};
use crate::path::harmless;

/// The name of our structured data. 32473 is the enterprise number that RFC 5612 keeps for documentation: none is assigned
/// to this program, and RFC 5424 (6.3.2) wants one in a name that is not registered.
pub const SD_ID: &str = "phi-ir@32473";

/// Facility log audit (RFC 5424, 6.2.1).
const FACILITY: u8 = 13;

/// Bytes of a value; a line stays far below what receivers take.
const VALUE: usize = 4096;

/// The line of an event, with its newline. `host` is the machine that the bundle is of; RFC 5424 gives it 255 characters.
pub fn line(event: &SiemEvent, host: &str) -> String {
    let severity = match (event.outcome, event.subject) {
        (Outcome::Failure, _) => 4,
        (_, Subject::Access) => 5,
        _ => 6,
    };
    let priority = FACILITY * 8 + severity;
    let mut line = format!(
        "<{priority}>1 {} {} phi-ir - {} [{SD_ID}",
        time(event),
        header(host, 255),
        header(event.subject.word(), 32)
    );
    for (name, value) in fields(event) {
        let _ = write!(line, " {name}=\"{}\"", escaped(&value));
    }
    line.push_str("] ");
    let words = bounded(event.words());
    // 6.4: a message in UTF-8 begins with a byte order mark; plain ASCII needs none.
    if !words.is_ascii() {
        line.push('\u{feff}');
    }
    line.push_str(&words);
    line.push('\n');
    line
}

/// 6.2.3: no more than six digits of a second.
fn time(event: &SiemEvent) -> String {
    let text = event.time.to_string();
    text.get(..26).map_or(text.clone(), |micros| format!("{micros}Z"))
}

fn fields(event: &SiemEvent) -> Vec<(&'static str, String)> {
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    let name = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let all = [
        ("op", Some(event.op.clone())),
        ("outcome", Some(event.outcome.word().to_owned())),
        ("user", name(&event.user)),
        ("auid", number(event.auid)),
        ("uid", number(event.uid)),
        ("euid", number(event.euid)),
        ("to", name(&event.to)),
        ("ses", number(event.ses)),
        ("addr", name(&event.address)),
        ("port", number(event.port.map(u32::from))),
        ("program", name(&event.program)),
        ("pid", number(event.pid)),
        ("file", event.file.text()),
        ("new_file", event.new_file.text()),
        ("label", name(event.label)),
        ("flags", name(&event.flags.join(" "))),
        ("count", Some(event.count.to_string())),
        ("last", event.last.map(|last| last.to_string())),
        ("row", name(&event.row)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// 6.3.3: `"`, `\` and `]` with a backslash before them, and nothing else. What acts on a terminal was written as text before.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in bounded(harmless(value)).chars() {
        if matches!(c, '"' | '\\' | ']') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// 6.2: printable ASCII without blanks, or a dash.
fn header(text: &str, most: usize) -> String {
    let plain: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if plain.is_empty() { "-".to_owned() } else { plain }
}

fn bounded(text: String) -> String {
    if text.len() <= VALUE {
        return text;
    }
    let end = (0..=VALUE).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}... (of {} bytes)", text.get(..end).unwrap_or_default(), text.len())
}
