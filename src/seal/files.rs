//! The files of a bundle as they lie with the person who checks it: which is which, whatever they are called.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::custody::json;
use crate::custody::receipt::{RECEIPT_LIMIT, RECEIPT_SCHEMA, Receipt, is_bundle_id};

/// The first line of every age file (age-encryption.org/v1).
const AGE_INTRO: &[u8] = b"age-encryption.org/v1\n";

/// The first line of an age file in letters, which we never write: it can be spelt in many ways.
pub(super) const AGE_ARMOR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";

/// How a sealed file is called.
const SEALED: &str = ".zip.age";
/// How a receipt is called.
const RECEIPT: &str = ".receipt.json";

/// A bundle's files: the sealed one, and what lies beside it.
pub struct BundleFiles {
    /// The sealed file, if it is there.
    pub sealed: Option<PathBuf>,
    /// The receipt's exact bytes, if it is there.
    pub receipt: Option<Vec<u8>>,
    /// The receipt's signature, if it is there.
    pub receipt_sig: Option<Vec<u8>>,
    /// How the receipt is called, or would be.
    pub receipt_name: String,
}

/// Why files are not those of a bundle.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is something else.
    #[error("{path} is neither a sealed bundle nor a receipt{what}")]
    Neither {
        /// The file.
        path: PathBuf,
        /// What it looks like, if that can be told.
        what: &'static str,
    },
}

/// What a file turned out to be.
enum Kind {
    Sealed,
    /// With the bundle's id, if the receipt could be read.
    Receipt(Option<String>),
    /// Called as a sealed file is, and none by its content; with what it looks like.
    SealedByName(&'static str),
    Neither(&'static str),
}

impl BundleFiles {
    /// Finds the files around a sealed file or a receipt. `receipt` is where the receipt is, if it is not beside the
    /// sealed file under the name that was given to it.
    pub fn around(path: &Path, receipt: Option<&Path>) -> Result<BundleFiles, FilesError> {
        let kind = kind_of(path)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let partial = format!("{SEALED}.partial");
        let stem = [RECEIPT, &partial, SEALED].iter().find_map(|ending| name.strip_suffix(ending));
        let stem = stem.unwrap_or(&name).to_owned();
        let (sealed, receipt_at) = match &kind {
            Kind::Receipt(id) => {
                let stem = id.clone().unwrap_or(stem);
                (path.with_file_name(format!("{stem}{SEALED}")), path.to_owned())
            }
            _ => (path.to_owned(), path.with_file_name(format!("{stem}{RECEIPT}"))),
        };
        let named = receipt.is_some();
        let receipt_at = receipt.map_or(receipt_at, Path::to_owned);
        let bytes =
            if named { read_small(&receipt_at, File::open(&receipt_at))? } else { read_beside(&receipt_at)? };
        if bytes.is_none() && named {
            return Err(FilesError::Io { path: receipt_at, source: io::ErrorKind::NotFound.into() });
        }
        match kind {
            Kind::Neither(what) => return Err(FilesError::Neither { path: path.to_owned(), what }),
            // A receipt beside it speaks of a sealed file: then the file was changed, which is for the verdict.
            Kind::SealedByName(what) if bytes.is_none() => {
                return Err(FilesError::Neither { path: path.to_owned(), what });
            }
            Kind::Sealed | Kind::SealedByName(_) | Kind::Receipt(_) => {}
        }
        let receipt_name =
            receipt_at.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let receipt_sig = read_beside(&receipt_at.with_file_name(format!("{receipt_name}.sig")))?;
        let there = is_there(&sealed)?;
        Ok(BundleFiles { sealed: there.then_some(sealed), receipt: bytes, receipt_sig, receipt_name })
    }
}

/// Opens a file of a bundle, and nothing else: a pipe might never answer.
pub fn open_file(path: &Path) -> io::Result<File> {
    let met = path.metadata()?;
    // A folder's own error says more.
    if met.is_file() || met.is_dir() {
        File::open(path)
    } else {
        Err(io::Error::other("it is no regular file"))
    }
}

/// Whether the sealed file is there and can be read, as a file: it is read from its end, and more than once.
fn is_there(sealed: &Path) -> Result<bool, FilesError> {
    let failed = |source| FilesError::Io { path: sealed.to_owned(), source };
    match open_file(sealed) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

fn kind_of(path: &Path) -> Result<Kind, FilesError> {
    let failed = |source| FilesError::Io { path: path.to_owned(), source };
    let mut start = Vec::new();
    let file = open_file(path).map_err(failed)?;
    file.take(RECEIPT_LIMIT as u64 + 1).read_to_end(&mut start).map_err(failed)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if start.starts_with(AGE_INTRO) {
        return Ok(Kind::Sealed);
    }
    let receipt = json::read::<Receipt>(&start, RECEIPT_LIMIT).ok();
    if let Some(receipt) = receipt.filter(|receipt| receipt.schema == RECEIPT_SCHEMA) {
        // Called as receipts are, it belongs to the sealed file of the same name, whatever it says.
        let id = Some(receipt.id).filter(|id| is_bundle_id(id) && !name.ends_with(RECEIPT));
        return Ok(Kind::Receipt(id));
    }
    if name.ends_with(RECEIPT) {
        return Ok(Kind::Receipt(None));
    }
    let what = looks_like(&start);
    let called_sealed = name.ends_with(SEALED) || name.ends_with(&format!("{SEALED}.partial"));
    Ok(if called_sealed { Kind::SealedByName(what) } else { Kind::Neither(what) })
}

fn looks_like(start: &[u8]) -> &'static str {
    if start.starts_with(AGE_ARMOR) {
        " (it is an age file in letters; 'age' can turn it back into bytes)"
    } else if start.starts_with(b"-----BEGIN SSH SIGNATURE-----") {
        " (it is a signature; name the receipt that lies beside it)"
    } else if start.starts_with(b"PK\x03\x04") {
        " (it is a ZIP archive that was taken out of its envelope; VERIFY.txt in it says how to check it)"
    } else {
        ""
    }
}

/// A small file that nobody named, but that lies there under its name. Whoever sent the bundle may have sent a pipe along
/// that never answers, or a device: those are not read.
fn read_beside(path: &Path) -> Result<Option<Vec<u8>>, FilesError> {
    read_small(path, open_file(path))
}

fn read_small(path: &Path, opened: io::Result<File>) -> Result<Option<Vec<u8>>, FilesError> {
    let failed = |source| FilesError::Io { path: path.to_owned(), source };
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    file.take(RECEIPT_LIMIT as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}
