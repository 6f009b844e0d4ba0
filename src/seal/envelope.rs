//! Who may open: age recipients, identities and passphrases. The only user of `age`.
//!
//! Only native X25519 recipients and passphrases. SSH keys would link a bundle to a person and drag in an RSA
//! library with an unfixed timing flaw; plug-ins would run programs of the examined host.

mod recipients;

use std::fmt;
use std::io::{self, Read, Seek};
use std::str::FromStr as _;

use age::secrecy::{ExposeSecret as _, SecretString};
use age::{scrypt, x25519};

use super::OpenError;
use super::files::AGE_ARMOR;
use recipients::MAX_RECIPIENTS;

pub use recipients::{KeyError, Recipients};

/// scrypt's work factor for passphrases: 2^18, which takes 256 MiB for a moment.
const WORK_FACTOR: u8 = 18;

/// Bytes of scrypt's memory for one unit of work, with the block size of 8 that age prescribes (RFC 7914, section 2).
const SCRYPT_UNIT: usize = 128 * 8;

/// The highest work factor that is opened; a hostile file could ask for hours. 2^20 takes 1 GiB for a moment.
const MAX_WORK_FACTOR: u8 = 20;

/// The longest header that is opened, in bytes: more than that many recipients need.
const MAX_HEADER: u64 = 16 << 10;

/// Bytes of a header's last line, with the newlines before and behind it: the mark, a blank, and 32 bytes in base64.
const MAC_LINE: usize = 1 + 4 + 43 + 1;
/// Bytes before the payload's first piece.
const NONCE: u64 = 16;
/// Bytes of a piece's authentication tag.
const TAG: u64 = 16;
/// Bytes of a whole piece, sealed.
const PIECE: u64 = (64 << 10) + TAG;

/// An encrypting writer; `finish` must be called, or the file counts as cut off.
pub type Sealing<W> = age::stream::StreamWriter<W>;

/// A decrypting reader; it can seek if its source can.
pub type Opening<R> = age::stream::StreamReader<R>;

/// A passphrase. It is wiped from memory when it is dropped and never printed.
#[derive(Clone)]
pub struct Passphrase(SecretString);

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
    pub fn decrypt<R: Read + Seek>(&self, mut source: R) -> Result<Opening<R>, OpenError> {
        let header = check_header(&mut source)?;
        check_last_piece(&mut source, &header)?;
        if let (Some(work_factor), Identities::Passphrase(_)) = (header.work_factor, self) {
            room_for_scrypt(work_factor)?;
        }
        let decryptor = age::Decryptor::new(source).map_err(open_error)?;
        match (self, decryptor.is_scrypt()) {
            (Identities::Keys(_), true) => Err(OpenError::OtherKind("a passphrase")),
            (Identities::Passphrase(_), false) => Err(OpenError::OtherKind("keys, not with a passphrase")),
            (Identities::Keys(keys), false) => {
                let opened = decryptor.decrypt(keys.iter().map(|key| key as &dyn age::Identity));
                opened.map_err(|error| match open_error(error) {
                    OpenError::NoKey if !header.native => OpenError::OtherKeys,
                    other => other,
                })
            }
            (Identities::Passphrase(Passphrase(secret)), true) => {
                let mut identity = scrypt::Identity::new(secret.clone());
                identity.set_max_work_factor(MAX_WORK_FACTOR);
                let opened = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity));
                opened.map_err(|error| match open_error(error) {
                    OpenError::NoKey => OpenError::WrongPassphrase,
                    other => other,
                })
            }
        }
    }
}

/// What a header says before the library has read it.
struct Header {
    /// A share is for a key of our kind.
    native: bool,
    /// Where the payload begins.
    bytes: u64,
    /// The work factor of a passphrase, if that is what it is for, and no higher one than is opened.
    work_factor: Option<u8>,
}

/// The library reads a header again and again while it grows, so that a hostile one of a few hundred kilobytes costs
/// hours. Ours are short: refused is what no bundle of ours can have.
fn check_header(source: &mut (impl Read + Seek)) -> Result<Header, OpenError> {
    let mut start = Vec::new();
    source.by_ref().take(MAX_HEADER).read_to_end(&mut start)?;
    source.rewind()?;
    if start.starts_with(AGE_ARMOR) {
        return Err(OpenError::Armored);
    }
    // The last line of a header begins so (age-encryption.org/v1, "Header").
    let end = start.windows(5).position(|five| five == b"\n--- ").ok_or(OpenError::Header)?;
    let header = start.get(..end).unwrap_or_default();
    let stanzas: Vec<&[u8]> = header.split(|byte| *byte == b'\n').filter(|line| is_stanza(line)).collect();
    // One for each recipient, and a few that mean nothing, which keep readers from choking on new ones.
    if stanzas.len() > MAX_RECIPIENTS + 8 || !bodies_end(header) {
        return Err(OpenError::Header);
    }
    let native = stanzas.iter().any(|line| line.starts_with(b"-> X25519 "));
    Ok(Header { native, bytes: (end + MAC_LINE) as u64, work_factor: work_factor(header) })
}

fn is_stanza(line: &[u8]) -> bool {
    line.starts_with(b"-> ")
}

/// Whether each body ends in a line that is shorter than 64 letters, as the specification wants it. The library also takes
/// bodies as they were before there was one; age does not.
fn bodies_end(header: &[u8]) -> bool {
    let mut within = false;
    for line in header.split(|byte| *byte == b'\n').skip(1) {
        if is_stanza(line) == within {
            return false;
        }
        within = is_stanza(line) || line.len() == 64;
    }
    !within
}

/// The last piece of a payload may be empty only if it is the only one. The library holds that where it reads from the
/// first piece to the last, and an archive is read from its end.
fn check_last_piece(source: &mut impl Seek, header: &Header) -> Result<(), OpenError> {
    let length = source.seek(io::SeekFrom::End(0))?;
    source.rewind()?;
    let pieces = length.saturating_sub(header.bytes + NONCE);
    if pieces > PIECE && pieces % PIECE == TAG { Err(OpenError::LastPiece) } else { Ok(()) }
}

/// `-> scrypt SALT WORK-FACTOR`.
fn work_factor(header: &[u8]) -> Option<u8> {
    let mut lines =
        header.split(|byte| *byte == b'\n').map(|line| std::str::from_utf8(line).unwrap_or_default());
    let factor = lines.find_map(|line| line.strip_prefix("-> scrypt "))?.rsplit(' ').next()?.parse().ok()?;
    (factor <= MAX_WORK_FACTOR).then_some(factor)
}

/// Whether this process can have the memory that sealing with a passphrase takes.
pub fn room_for_passphrase() -> io::Result<()> {
    room_for_scrypt(WORK_FACTOR)
}

/// Whether this process can have the memory that a passphrase takes: the library ends the program where it cannot.
fn room_for_scrypt(work_factor: u8) -> io::Result<()> {
    let bytes = (SCRYPT_UNIT << work_factor) + (4 << 20);
    let mut trial = Vec::<u8>::new();
    let tried = trial.try_reserve_exact(bytes);
    // An allocation that nothing looks at might be left out.
    std::hint::black_box(&mut trial);
    tried.map_err(|_| {
        let mebibytes = (SCRYPT_UNIT << work_factor) >> 20;
        let words = format!("a passphrase takes {mebibytes} MiB of memory, which this process cannot have");
        io::Error::new(io::ErrorKind::OutOfMemory, words)
    })
}

fn open_error(error: age::DecryptError) -> OpenError {
    match error {
        age::DecryptError::NoMatchingKeys
        | age::DecryptError::DecryptionFailed
        | age::DecryptError::KeyDecryptionFailed => OpenError::NoKey,
        age::DecryptError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => OpenError::Io(error),
        age::DecryptError::ExcessiveWork { .. } => OpenError::TooMuchWork,
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
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_header_that_would_take_hours_is_refused_at_once() {
        let key = Identities::parse(&generate("now").file, "key").unwrap();
        let many = "-> g x\n\n".repeat(200_000);
        for hostile in [
            format!("age-encryption.org/v1\n{many}--- AAAA\n"),
            format!("age-encryption.org/v1\n{}--- AAAA\n", "-> g x\n\n".repeat(100)),
            format!("age-encryption.org/v1\n-> g\n{}\n", "A".repeat(1 << 21)),
        ] {
            assert!(matches!(key.decrypt(io::Cursor::new(hostile.into_bytes())), Err(OpenError::Header)));
        }
        assert!(bodies_end(b"v\n-> a\nAA") && bodies_end(b"v\n-> a\n") && !bodies_end(b"v\n-> a"));
        let full = "A".repeat(64);
        assert!(bodies_end(format!("v\n-> a\n{full}\nAA\n-> b\n{full}\n").as_bytes()));
        assert!(!bodies_end(format!("v\n-> a\n{full}\n-> b\n").as_bytes()) && !bodies_end(b"v\nAA\n-> b\n"));
        let mut recipients = Recipients::none();
        for _ in 0..MAX_RECIPIENTS {
            recipients.add(&generate("now").recipient, None, "argument", "-r").unwrap();
        }
        let last = generate("now");
        assert!(matches!(
            recipients.add(&last.recipient, None, "argument", "-r"),
            Err(KeyError::TooMany { .. })
        ));
        let sealed = recipients.encrypt(Vec::new()).unwrap().finish().unwrap();
        // As many as can be sealed for can be opened by: none of them is ours, and the header is read.
        let opened = Identities::parse(&last.file, "key").unwrap().decrypt(io::Cursor::new(sealed));
        assert!(matches!(opened, Err(OpenError::NoKey)));
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
