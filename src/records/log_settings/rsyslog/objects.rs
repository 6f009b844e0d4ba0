//! RainerScript's objects: `NAME(PARAMETER="VALUE" …)`, over any number of lines.

/// An object as it stands.
pub struct Object {
    /// `module`, `action`, …
    pub name: Vec<u8>,
    /// Lines behind the object's first, name and value of each parameter.
    pub parameters: Vec<(u32, Vec<u8>, Vec<u8>)>,
}

impl Object {
    /// Whether it is one of this name.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// `module(imuxsock)`: with what tells it from others of its kind.
    pub fn what(&self) -> Vec<u8> {
        let telling = ["load", "type", "name"].iter().find_map(|wanted| {
            let found =
                self.parameters.iter().find(|(_, name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()));
            found.map(|(_, _, value)| value.as_slice())
        });
        let name = self.name.to_ascii_lowercase();
        match telling {
            Some(telling) => [name.as_slice(), b"(", telling, b")"].concat(),
            None => name,
        }
    }
}

/// The object that the text begins with, and how long it is; none if it does not close.
pub fn object(text: &[u8]) -> Option<(Object, usize)> {
    let open = text.iter().position(|byte| *byte == b'(')?;
    let name = text.get(..open)?.trim_ascii().to_vec();
    let mut at = open + 1;
    let mut parameters = Vec::new();
    loop {
        at += passed_over(text.get(at..)?)?;
        let rest = text.get(at..)?;
        if rest.first()? == &b')' {
            return Some((Object { name, parameters }, at + 1));
        }
        let begin = at;
        let end = rest.iter().position(|byte| matches!(byte, b'=' | b')') || byte.is_ascii_whitespace())?;
        let parameter = rest.get(..end)?.to_vec();
        at += end;
        at += passed_over(text.get(at..)?)?;
        let mut value = Vec::new();
        if text.get(at) == Some(&b'=') {
            at += 1;
            at += passed_over(text.get(at..)?)?;
            let length;
            (value, length) = value_of(text.get(at..)?)?;
            at += length;
        } else if at == begin {
            return None;
        }
        let before = text.get(..begin)?.iter().filter(|byte| **byte == b'\n').count();
        parameters.push((u32::try_from(before).ok()?, parameter, value));
    }
}

/// How much white space and comment the text begins with; none if a comment does not end.
fn passed_over(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        match rest {
            [b'#', ..] => at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
            [b'/', b'*', ..] => at += rest.windows(2).position(|two| two == b"*/")? + 2,
            [byte, ..] if byte.is_ascii_whitespace() => at += 1,
            _ => return Some(at),
        }
    }
}

/// A value in quotes, a list of such in brackets, or a word; and how long it is.
fn value_of(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    match text.first()? {
        quote @ (b'"' | b'\'') => {
            let end = closing(text.get(1..)?, *quote)?;
            Some((unescaped(text.get(1..=end)?), end + 2))
        }
        b'[' => {
            let end = quoted_until(text, b']')?;
            Some((text.get(..=end)?.to_vec(), end + 1))
        }
        _ => {
            let end = text.iter().position(|byte| *byte == b')' || byte.is_ascii_whitespace())?;
            Some((text.get(..end)?.to_vec(), end))
        }
    }
}

/// Where the quote closes.
fn closing(text: &[u8], quote: u8) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| {
        let closes = *byte == quote && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    })
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut escaped = false;
    for byte in text {
        escaped = *byte == b'\\' && !escaped;
        if !escaped {
            plain.push(*byte);
        }
    }
    plain
}

/// Where this byte stands outside of quotes.
fn quoted_until(text: &[u8], wanted: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        let byte = *text.get(at)?;
        if byte == wanted {
            return Some(at);
        }
        if matches!(byte, b'"' | b'\'') {
            at += closing(text.get(at + 1..)?, byte)? + 1;
        }
        at += 1;
    }
}

/// How long `if … then` is.
pub fn until_then(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let byte = *rest.first()?;
        let ends_word = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
        let begins =
            at.checked_sub(1).and_then(|before| text.get(before)).is_some_and(|b| !b.is_ascii_alphanumeric());
        if begins
            && rest.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"then"))
            && ends_word(rest.get(4))
        {
            return Some(at + 4);
        }
        if matches!(byte, b'"' | b'\'') {
            at += closing(rest.get(1..)?, byte)? + 1;
        }
        at += 1;
    }
}

/// How long `:property, [!]compare, "value"` is.
pub fn property_filter(text: &[u8]) -> Option<usize> {
    let line = text.split(|byte| *byte == b'\n').next()?;
    let open = line.iter().position(|byte| *byte == b'"')?;
    Some(open + 1 + closing(line.get(open + 1..)?, b'"')? + 1)
}
