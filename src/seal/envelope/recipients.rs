//! Who may open a bundle, and what cannot be somebody who may.

use std::io::{self, Write};
use std::str::FromStr as _;

use age::{scrypt, x25519};

use super::{Passphrase, Sealing, WORK_FACTOR, room_for_passphrase};
use crate::case::Line;
use crate::custody::digest::Digest;
use crate::custody::seal::Recipient;

/// Recipients that a bundle can have at most.
pub const MAX_RECIPIENTS: usize = 64;

/// Everyone who may open a bundle: keys, or one passphrase.
pub enum Recipients {
    /// Public keys, and what the seal says of each.
    Keys(Vec<(x25519::Recipient, Recipient)>),
    /// One passphrase.
    Passphrase(Passphrase),
}

/// Text that cannot serve as recipient, identity or passphrase.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not an `age1…` key.
    #[error("{place}: {text:?} is not an age recipient (age1…)")]
    Recipient {
        /// Where it stood.
        place: String,
        /// What stood there; a private key never does.
        text: String,
    },
    /// It looks like one, and a letter is wrong.
    #[error("{place}: {text:?} looks like an age recipient, but its checksum is wrong")]
    Mistyped {
        /// Where it stood.
        place: String,
        /// What stood there.
        text: String,
    },
    /// The name of a file stood in its place.
    #[error("{place}: {text:?} is a file, not a recipient")]
    IsFile {
        /// Where it stood.
        place: String,
        /// The file.
        text: String,
    },
    /// A recipient of another kind.
    #[error("{place}: {what} cannot receive bundles")]
    OtherRecipient {
        /// Where it stood.
        place: String,
        /// What it is.
        what: &'static str,
    },
    /// Somebody pasted a private key.
    #[error("{place}: this is a private key, and must not be on the examined host")]
    PrivateKey {
        /// Where it stood.
        place: String,
    },
    /// No key in it.
    #[error("{place}: there is no key in it")]
    Empty {
        /// The file.
        place: String,
    },
    /// Not a file of identities.
    #[error("{place}: not an age identity (AGE-SECRET-KEY-1…)")]
    Identity {
        /// Where it stood.
        place: String,
    },
    /// More than a bundle can have.
    #[error("{place}: a bundle can be sealed for {MAX_RECIPIENTS} recipients at most")]
    TooMany {
        /// Where it stood.
        place: String,
    },
    /// The same recipient twice.
    #[error("{place}: the same recipient is named twice")]
    Twice {
        /// Where it stood.
        place: String,
    },
}

impl Recipients {
    /// No key yet.
    pub fn none() -> Recipients {
        Recipients::Keys(Vec::new())
    }

    /// Adds one key, as it is typed or configured. `source` is `argument`, `file` or `config`.
    pub fn add(
        &mut self,
        text: &str,
        label: Option<Line>,
        source: &str,
        place: &str,
    ) -> Result<(), KeyError> {
        let place = place.to_owned();
        let text = text.trim();
        if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
            return Err(KeyError::PrivateKey { place });
        }
        if let Some(what) = other_kind(text) {
            return Err(KeyError::OtherRecipient { place, what });
        }
        let key = x25519::Recipient::from_str(text).map_err(|_| {
            let (place, text) = (place.clone(), text.to_owned());
            if text.starts_with("age1") {
                KeyError::Mistyped { place, text }
            } else if std::path::Path::new(&text).is_file() {
                KeyError::IsFile { place, text }
            } else {
                KeyError::Recipient { place, text }
            }
        })?;
        let sha256 = Some(Digest::of(text.as_bytes()));
        let facts = Recipient { label, kind: "x25519".into(), sha256, source: source.to_owned() };
        let Recipients::Keys(keys) = self else {
            return Err(KeyError::OtherRecipient { place, what: "a key beside a passphrase" });
        };
        if keys.iter().any(|(_, known)| known.sha256 == sha256) {
            return Err(KeyError::Twice { place });
        }
        if keys.len() == MAX_RECIPIENTS {
            return Err(KeyError::TooMany { place });
        }
        keys.push((key, facts));
        Ok(())
    }

    /// Adds every key of a recipients file. A comment line directly above a key is its label.
    pub fn add_file(&mut self, text: &str, source: &str, place: &str) -> Result<(), KeyError> {
        let mut label = None;
        let mut any = false;
        for (line, number) in text.lines().map(str::trim).zip(1..) {
            if let Some(comment) = line.strip_prefix('#') {
                label = Line::new(comment).ok();
            } else if !line.is_empty() {
                self.add(line, label.take(), source, &format!("{place}:{number}"))?;
                any = true;
            }
        }
        if any { Ok(()) } else { Err(KeyError::Empty { place: place.to_owned() }) }
    }

    /// What the seal says of them.
    pub fn facts(&self) -> Vec<Recipient> {
        match self {
            Recipients::Keys(keys) => keys.iter().map(|(_, facts)| facts.clone()).collect(),
            Recipients::Passphrase(_) => vec![Recipient {
                label: None,
                kind: "passphrase".into(),
                sha256: None,
                source: "argument".into(),
            }],
        }
    }

    /// Each for people: by its label and the ends of its key, and where it was named.
    pub fn described(&self) -> Vec<String> {
        let Recipients::Keys(keys) = self else { return vec!["whoever knows the passphrase".into()] };
        let described = |(key, facts): &(x25519::Recipient, Recipient)| {
            let text = key.to_string();
            let ends = text.get(..9).zip(text.get(text.len().saturating_sub(4)..));
            let short = ends.map_or(text.clone(), |(begin, end)| format!("{begin}…{end}"));
            let label = facts.label.as_ref().map(|label| format!("{label}, ")).unwrap_or_default();
            let digest = facts.sha256.map(|digest| digest.hex()).unwrap_or_default();
            let named = match facts.source.as_str() {
                "argument" => "-r".to_owned(),
                "file" => "-R".to_owned(),
                source => format!("{source}, sha256 {}…", digest.get(..16).unwrap_or_default()),
            };
            format!("{label}{short} ({named})")
        };
        keys.iter().map(described).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Recipients::Keys(keys) => keys.len(),
            Recipients::Passphrase(_) => 1,
        }
    }

    /// Whether nobody could open what is sealed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the header for them on `out`, and gives a writer for the content.
    pub fn encrypt<W: Write>(&self, out: W) -> io::Result<Sealing<W>> {
        let encryptor = match self {
            Recipients::Keys(keys) => {
                age::Encryptor::with_recipients(keys.iter().map(|(key, _)| key as &dyn age::Recipient))
            }
            Recipients::Passphrase(Passphrase(secret)) => {
                room_for_passphrase()?;
                let mut recipient = scrypt::Recipient::new(secret.clone());
                recipient.set_work_factor(WORK_FACTOR);
                age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
            }
        };
        let sealing = encryptor.map_err(|error| io::Error::other(error.to_string()))?.wrap_output(out);
        // The library wraps what the output said in words of its own.
        sealing.map_err(|error| io::Error::from(error.kind()))
    }
}

/// Keys that age knows and that are not taken here, by their beginning.
fn other_kind(text: &str) -> Option<&'static str> {
    let kinds = [
        ("ssh-", "an SSH key"),
        ("ecdsa-", "an SSH key"),
        ("age1pq1", "a post-quantum key"),
        ("age1tagpq1", "a hardware key"),
        ("age1tag1", "a hardware key"),
        ("age1yubikey1", "a plug-in's key"),
    ];
    kinds.iter().find(|(prefix, _)| text.starts_with(prefix)).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::super::generate;
    use super::*;

    #[test]
    fn labels_stand_above_the_keys_of_a_file() {
        let (a, b) = (generate("now").recipient, generate("now").recipient);
        let mut recipients = Recipients::none();
        recipients.add_file(&format!("# Compliance officer\n{a}\n\n{b}\n"), "file", "r.txt").unwrap();
        let facts = recipients.facts();
        assert_eq!(facts[0].label.as_ref().unwrap().as_str(), "Compliance officer");
        assert_eq!(facts[0].sha256, Some(Digest::of(a.as_bytes())));
        assert!(facts[1].label.is_none());
        assert!(matches!(recipients.add(&b, None, "argument", "-r"), Err(KeyError::Twice { .. })));
    }

    #[test]
    fn what_cannot_receive_is_named() {
        let mut recipients = Recipients::none();
        let secret = generate("now").file;
        let line = secret.lines().last().unwrap();
        let mut error = |text: &str| recipients.add(text, None, "argument", "-r").unwrap_err().to_string();
        assert!(error(line).contains("private key"));
        assert!(!error(line).contains("AGE-SECRET"), "a secret never gets into a message");
        assert!(error("ssh-ed25519 AAAA").contains("SSH key"));
        assert!(error("age1pq1xyz").contains("post-quantum"));
        assert!(error("nonsense").contains("not an age recipient"));
    }
}
