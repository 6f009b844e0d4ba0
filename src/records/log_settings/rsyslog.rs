//! rsyslog.conf(5) in its three languages: `$Directive value`, `selector action`, and RainerScript's objects
//! (`module(load="imuxsock" SysSock.RateLimit.Interval="5")`). Told are rate limits, where what goes, and in which form;
//! of what may hold a password only that it is there.

mod known;
mod objects;

use super::{Setting, Value, first_word};
pub use known::KNOWN;
use objects::{Object, object};

/// The settings of one file, in its order.
pub fn parse(text: &[u8]) -> Vec<Setting> {
    let mut reader = Reader { text, at: 0, line: 1, pending: None, settings: Vec::new() };
    while reader.at < text.len() {
        let before = reader.at;
        reader.statement();
        if reader.at == before {
            // Whatever it is, the next line is another matter.
            let line = reader.line;
            reader.rest_of_line();
            reader.settings.push(unread(line, "it is no statement that is known here"));
        }
    }
    reader.settings
}

/// A line that cannot be read is named, and not quoted: there may be a password in it.
fn unread(line: u32, why: &'static str) -> Setting {
    Setting::unread(line, b"", why)
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    line: u32,
    /// The selector or condition that the next action is under.
    pending: Option<Vec<u8>>,
    settings: Vec<Setting>,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn advance(&mut self, bytes: usize) {
        let passed = self.rest().iter().take(bytes);
        let lines = passed.filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.at = self.at.saturating_add(bytes).min(self.text.len());
    }

    fn statement(&mut self) {
        let rest = self.rest();
        let blank = rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len());
        self.advance(blank);
        let rest = self.rest();
        match rest {
            [] => {}
            [b'#', ..] => drop(self.rest_of_line()),
            [b'/', b'*', ..] => self.comment(),
            [b'{' | b'}', ..] => {
                self.pending = None;
                self.advance(1);
            }
            [b'$', ..] => self.directive(),
            [b'&', ..] => {
                self.advance(1);
                self.action_here();
            }
            _ => self.word(),
        }
    }

    fn comment(&mut self) {
        match self.rest().windows(2).position(|two| two == b"*/") {
            Some(end) => self.advance(end + 2),
            None => self.all_unread("a comment without an end"),
        }
    }

    /// Nothing of what follows can be told apart.
    fn all_unread(&mut self, why: &'static str) {
        let rest = self.rest();
        self.settings.push(unread(self.line, why));
        self.advance(rest.len());
    }

    /// To the end of the line; a backslash in front of it goes on.
    fn rest_of_line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        loop {
            let rest = self.rest();
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let piece = rest.get(..end).unwrap_or_default();
            self.advance(end + 1);
            let piece = piece.strip_suffix(b"\r").unwrap_or(piece);
            match piece.strip_suffix(b"\\") {
                Some(goes_on) if self.at < self.text.len() => line.extend_from_slice(goes_on),
                _ => {
                    line.extend_from_slice(piece);
                    return line.trim_ascii().to_vec();
                }
            }
        }
    }

    /// `$Directive value`
    fn directive(&mut self) {
        let number = self.line;
        let line = self.rest_of_line();
        let (name, value) = first_word(&line);
        let value = value.split(|byte| *byte == b'#').next().unwrap_or_default().trim_ascii();
        let setting = Setting::new(number, name, value);
        self.settings.push(match known::is_harmless_directive(name) {
            true => setting,
            false => Setting { value: Value::Withheld, ..setting },
        });
    }

    /// An object, a part of a script, or a selector with its action.
    fn word(&mut self) {
        let rest = self.rest();
        let end = rest
            .iter()
            .position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_')))
            .unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        let opens = behind.trim_ascii_start().first() == Some(&b'(');
        match word.to_ascii_lowercase().as_slice() {
            b"module" | b"input" | b"action" | b"global" | b"template" | b"ruleset" | b"include"
            | b"main_queue" | b"timezone" | b"lookup_table" | b"parser" | b"dyn_stats"
                if opens =>
            {
                self.object();
            }
            b"if" => self.condition(),
            b"else" | b"then" | b"stop" | b"continue" => self.advance(end),
            b"set"
            | b"unset"
            | b"reset"
            | b"call"
            | b"call_indirect"
            | b"foreach"
            | b"reload_lookup_table" => {
                let number = self.line;
                self.rest_of_line();
                self.settings.push(Setting { value: Value::Withheld, ..Setting::new(number, "script", "") });
            }
            _ => self.selector(),
        }
    }

    fn object(&mut self) {
        let number = self.line;
        match object(self.rest()) {
            Some((object, length)) => {
                let scope = if object.is("action") { self.pending.clone() } else { None };
                self.tell(number, &object, scope.as_deref());
                self.advance(length);
            }
            None => self.all_unread(
                "its brackets or quotes do not close, so that nothing behind it can be told apart",
            ),
        }
    }

    /// Each parameter is a setting, called after the object and what it loads, takes from or sends with.
    fn tell(&mut self, number: u32, object: &Object, scope: Option<&[u8]>) {
        let what = object.what();
        for (offset, name, value) in &object.parameters {
            let full = [what.as_slice(), b".", name].concat();
            let setting = Setting::new(number.saturating_add(*offset), full, value.clone()).within(scope);
            self.settings.push(match known::is_harmless_parameter(name) {
                true => Setting { value: Value::Is(known::without_credentials(value)), ..setting },
                false => Setting { value: Value::Withheld, ..setting },
            });
        }
        if object.parameters.is_empty() {
            self.settings.push(Setting::new(number, what, "").within(scope));
        }
    }

    /// `if … then`: what follows is under it, as far as the next brace closes or the next line ends.
    fn condition(&mut self) {
        let number = self.line;
        let Some(length) = objects::until_then(self.rest()) else {
            return self.all_unread("an if without a then");
        };
        let text = self.rest().get(..length).unwrap_or_default().trim_ascii().to_vec();
        self.advance(length);
        self.settings.push(Setting::new(number, "condition", text.clone()));
        self.pending = Some(text);
        let rest = self.rest().trim_ascii_start();
        if matches!(rest.first(), Some(b'/' | b'-' | b'@' | b'|' | b':' | b'~' | b'?')) {
            self.action_here();
        }
    }

    /// `auth,authpriv.*  /var/log/auth.log`, or a filter by property: `:msg, contains, "x" /file`.
    fn selector(&mut self) {
        let rest = self.rest();
        let filter = rest.first() == Some(&b':');
        let length = match filter {
            true => objects::property_filter(rest),
            false => rest.iter().position(u8::is_ascii_whitespace),
        };
        let (selector, behind) = rest.split_at(length.unwrap_or(0));
        let is_one = filter || selector.contains(&b'.') || selector.starts_with(b"!");
        if selector.is_empty() || !is_one || selector.contains(&b'\n') || behind.trim_ascii_start().is_empty()
        {
            return;
        }
        let selector = selector.trim_ascii().to_vec();
        self.advance(length.unwrap_or(0));
        self.pending = Some(selector);
        self.action_here();
    }

    /// The action that follows on this line, or an object.
    fn action_here(&mut self) {
        let rest = self.rest();
        let blanks = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(rest.len());
        self.advance(blanks);
        let rest = self.rest();
        if rest.starts_with(b"action")
            || rest.starts_with(b"stop")
            || matches!(rest.first(), None | Some(b'{' | b'\n'))
        {
            return;
        }
        let number = self.line;
        let action = self.rest_of_line();
        let scope = self.pending.clone();
        let (name, value) = known::action(&action);
        self.settings.push(Setting { line: number, scope, name: name.into(), value });
    }
}

#[cfg(test)]
mod tests;
