//! Who may open: age recipients, identities and passphrases. The only user of `age`.
//!
//! Only native X25519 recipients and passphrases. SSH keys would link a bundle to a person and drag in an RSA
//! library with an unfixed timing flaw; plug-ins would run programs of the examined host.

use std::fmt;
use std::io::{self, Read, Seek, Write};
use std::str::FromStr as _;

use age::secrecy::{ExposeSecret as _, SecretString};
use age::{scrypt, x25519};

use super::OpenError;
use crate::case::Line;
use crate::custody::digest::Digest;
use crate::custody::seal::Recipient;

/// scrypt's work factor for passphrases: 2^18, which takes 256 MiB for a moment.
const WORK_FACTOR: u8 = 18;

/// The highest work factor that is opened; a hostile file could ask for hours.
const MAX_WORK_FACTOR: u8 = 22;

/// An encrypting writer; `finish` must be called, or the file counts as cut off.
pub type Sealing<W> = age::stream::StreamWriter<W>;

/// A decrypting reader; it can seek if its source can.
pub type Opening<R> = age::stream::StreamReader<R>;

/// Everyone who may open a bundle: keys, or one passphrase.
pub enum Recipients {
    /// Public keys, and what the seal says of each.
    Keys(Vec<(x25519::Recipient, Recipient)>),
    /// One passphrase.
    Passphrase(Passphrase),
}

/// A passphrase. It is wiped from memory when it is dropped and never printed.
#[derive(Clone)]
pub struct Passphrase(SecretString);

/// Text that cannot serve as recipient, identity or passphrase.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not an `age1…` key.
    #[error("{place}: not an age recipient (age1…)")]
    Recipient {
        /// Where it stood.
        place: String,
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
    /// The same recipient twice.
    #[error("{place}: the same recipient is named twice")]
    Twice {
        /// Where it stood.
        place: String,
    },
}

impl Passphrase {
    /// Takes a passphrase.
    pub fn new(text: String) -> Passphrase {
        Passphrase(SecretString::from(text))
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.expose_secret().is_empty()
    }

    /// Whether both are the same, as when it is typed twice.
    pub fn equals(&self, other: &Passphrase) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }

    /// The bytes, for unlocking a signing key.
    pub fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
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
        let key =
            x25519::Recipient::from_str(text).map_err(|_| KeyError::Recipient { place: place.clone() })?;
        let sha256 = Some(Digest::of(text.as_bytes()));
        let facts = Recipient { label, kind: "x25519".into(), sha256, source: source.to_owned() };
        let Recipients::Keys(keys) = self else { return Err(KeyError::Recipient { place }) };
        if keys.iter().any(|(_, known)| known.sha256 == sha256) {
            return Err(KeyError::Twice { place });
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
                let mut recipient = scrypt::Recipient::new(secret.clone());
                recipient.set_work_factor(WORK_FACTOR);
                age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
            }
        };
        encryptor.map_err(|error| io::Error::other(error.to_string()))?.wrap_output(out)
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

/// What opens a bundle.
pub enum Identities {
    /// Private keys.
    Keys(Vec<x25519::Identity>),
    /// A passphrase.
    Passphrase(Passphrase),
}

impl Identities {
    /// The private keys in a text: `AGE-SECRET-KEY-1…` lines, `#` comments.
    pub fn parse(text: &str, place: &str) -> Result<Identities, KeyError> {
        let mut keys = Vec::new();
        for (line, number) in text.lines().map(str::trim).zip(1..) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |_| KeyError::Identity { place: format!("{place}:{number}") };
            keys.push(x25519::Identity::from_str(line).map_err(wrong)?);
        }
        if keys.is_empty() {
            Err(KeyError::Empty { place: place.to_owned() })
        } else {
            Ok(Identities::Keys(keys))
        }
    }

    /// Opens a sealed file.
    pub fn decrypt<R: Read + Seek>(&self, source: R) -> Result<Opening<R>, OpenError> {
        let decryptor = age::Decryptor::new(source).map_err(open_error)?;
        match (self, decryptor.is_scrypt()) {
            (Identities::Keys(_), true) => Err(OpenError::OtherKind("a passphrase")),
            (Identities::Passphrase(_), false) => Err(OpenError::OtherKind("keys, not with a passphrase")),
            (Identities::Keys(keys), false) => {
                decryptor.decrypt(keys.iter().map(|key| key as &dyn age::Identity)).map_err(open_error)
            }
            (Identities::Passphrase(Passphrase(secret)), true) => {
                let mut identity = scrypt::Identity::new(secret.clone());
                identity.set_max_work_factor(MAX_WORK_FACTOR);
                decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(open_error)
            }
        }
    }
}

fn open_error(error: age::DecryptError) -> OpenError {
    match error {
        age::DecryptError::NoMatchingKeys
        | age::DecryptError::DecryptionFailed
        | age::DecryptError::KeyDecryptionFailed => OpenError::NoKey,
        age::DecryptError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => OpenError::Io(error),
        age::DecryptError::ExcessiveWork { .. } => {
            OpenError::OtherKind("a passphrase that takes too long to try")
        }
        _ => OpenError::Header,
    }
}

/// A new pair: the identity's text, with comments as `age-keygen` writes them, and the recipient.
pub struct NewIdentity {
    /// The file's content.
    pub file: zeroize::Zeroizing<String>,
    /// The `age1…` to give away.
    pub recipient: String,
}

/// Makes a new identity.
pub fn generate(created: &str) -> NewIdentity {
    let identity = x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    let secret = identity.to_string();
    let file = format!("# created: {created}\n# public key: {recipient}\n{}\n", secret.expose_secret());
    NewIdentity { file: file.into(), recipient }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn keys_open_and_others_do_not() {
        let (mine, theirs) = (generate("now"), generate("now"));
        let mut recipients = Recipients::none();
        recipients.add(&mine.recipient, None, "argument", "-r").unwrap();
        let mut sealing = recipients.encrypt(Vec::new()).unwrap();
        sealing.write_all(b"evidence").unwrap();
        let sealed = sealing.finish().unwrap();

        let open = |identity: &NewIdentity| {
            Identities::parse(&identity.file, "key").unwrap().decrypt(io::Cursor::new(sealed.clone()))
        };
        let mut clear = String::new();
        open(&mine).unwrap().read_to_string(&mut clear).unwrap();
        assert_eq!(clear, "evidence");
        assert!(matches!(open(&theirs), Err(OpenError::NoKey)));
        let passphrase = Identities::Passphrase(Passphrase::new("x".into()));
        assert!(matches!(passphrase.decrypt(io::Cursor::new(sealed.clone())), Err(OpenError::OtherKind(_))));
    }
}
