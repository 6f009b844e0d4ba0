//! What an administrator has set once: `/etc/phi-ir/config.toml`. All works without it. Also the one way in which
//! TOML is read; the only user of `toml`.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer};

/// Where the file is, unless `PHI_IR_CONFIG` says otherwise.
pub const DEFAULT_PATH: &str = "/etc/phi-ir/config.toml";

/// The longest TOML file that is read, in bytes.
const FILE_LIMIT: u64 = 1 << 20;

/// Everything that can be set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Folders that hold PHI.
    #[serde(default)]
    pub phi: Vec<PathBuf>,
    /// Who may open bundles.
    #[serde(default)]
    pub recipients: Vec<ConfiguredRecipient>,
    /// An OpenSSH Ed25519 private key that signs bundles.
    pub sign_with: Option<PathBuf>,
    /// Where bundles go.
    pub output: Option<PathBuf>,
    /// Evidence at most: a number of bytes, or `500M`, `20G`.
    #[serde(default, deserialize_with = "size")]
    pub max_bytes: Option<u64>,
    /// Running time at most, as `2h`.
    pub max_time: Option<String>,
    /// Processor time at most, in percent of one processor: `50`, or `"50%"`.
    #[serde(default, deserialize_with = "percent")]
    pub max_cpu: Option<u32>,
    /// Years that a bundle must be kept; six if not set (45 CFR 164.316(b)(2)(i)).
    pub retention_years: Option<u32>,
    /// A folder of further collector definitions.
    pub collectors: Option<PathBuf>,
}

/// One who may open bundles.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a recipient is written { key = \"age1…\", label = \"who that is\" }"
)]
pub struct ConfiguredRecipient {
    /// Who that is.
    pub label: Option<String>,
    /// `age1…`
    pub key: String,
}

/// A config that was read: what it says, and its exact text, which is sealed.
#[derive(Clone, Debug)]
pub struct LoadedConfig {
    /// What it says.
    pub config: Config,
    /// Where it was.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else could have written it.
    #[error("{path} is not used: {why}")]
    Untrusted {
        /// The file or folder.
        path: PathBuf,
        /// Who could have changed it.
        why: String,
    },
    /// It is not what it should be.
    #[error("{0}")]
    Toml(#[from] TomlError),
}

/// Text that is no TOML, or has a key or value that is not known.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct TomlError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

/// Reads the config, if there is one. A path in the environment is ignored where privileges were raised; an empty one and
/// `/dev/null`, which need not be there, stand for no config.
pub fn load(from_environment: Option<PathBuf>) -> Result<Option<LoadedConfig>, ConfigError> {
    let raised = rustix::process::getuid() != rustix::process::geteuid()
        || rustix::process::getgid() != rustix::process::getegid();
    let named = from_environment.filter(|_| !raised);
    // Everyone may write to it, and nobody can make it say anything: the way to go without a config.
    if named.as_deref().is_some_and(|path| path.as_os_str().is_empty() || path == "/dev/null") {
        return Ok(None);
    }
    let must_exist = named.is_some();
    let path = named.unwrap_or_else(|| PathBuf::from(DEFAULT_PATH));
    let text = match read_trusted(&path) {
        Ok(text) => text,
        Err(ConfigError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound && !must_exist => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let config = parse_toml(&path.display().to_string(), &text)?;
    Ok(Some(LoadedConfig { config, path, text }))
}

/// Reads a text file that only root, or whoever runs this, can have written.
pub fn read_trusted(path: &Path) -> Result<String, ConfigError> {
    let failed = |source| ConfigError::Io { path: path.to_owned(), source };
    // A pipe without a writer would be waited for.
    let file = File::options()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(failed)?;
    let met = file.metadata().map_err(failed)?;
    check_trusted(path, &met)?;
    let refused = |why: String| failed(io::Error::new(io::ErrorKind::InvalidInput, why));
    if !met.is_file() {
        return Err(refused("it is no regular file".into()));
    }
    let mut text = String::new();
    // What is cut off would be a setting that nobody hears of.
    if file.take(FILE_LIMIT + 1).read_to_string(&mut text).map_err(failed)? as u64 > FILE_LIMIT {
        return Err(refused(format!("it is longer than {FILE_LIMIT} bytes")));
    }
    Ok(text)
}

/// Whether only root, or whoever runs this, can have changed what `met` describes.
pub fn check_trusted(path: &Path, met: &std::fs::Metadata) -> Result<(), ConfigError> {
    let me = rustix::process::geteuid().as_raw();
    let untrusted = |why: String| ConfigError::Untrusted { path: path.to_owned(), why };
    if met.uid() != 0 && met.uid() != me {
        return Err(untrusted(format!("it belongs to uid {}, neither root nor you", met.uid())));
    }
    if met.mode() & 0o022 != 0 {
        return Err(untrusted("others than its owner can write it".into()));
    }
    Ok(())
}

/// Reads TOML; an error names file and line, and for an unknown key the nearest known one.
pub fn parse_toml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, TomlError> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let message = error.message().trim().to_owned();
        TomlError { file: file.to_owned(), line, message: nearest(&message).unwrap_or(message) }
    })
}

/// `512 KiB`, `64 MiB`, `2 GiB`, or plain bytes.
pub fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a size is a number of bytes, or a text such as \"64 MiB\"")]
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

/// `50`, or `50%`.
fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a ceiling is a number of percent, from 1")]
    enum Percent {
        Number(u32),
        Text(String),
    }
    let text = match Percent::deserialize(deserializer)? {
        Percent::Number(number) => number.to_string(),
        Percent::Text(text) => text,
    };
    let percent = parse_percent(&text);
    percent
        .map(Some)
        .ok_or_else(|| de::Error::custom(format!("{text:?} is no ceiling; write it as 50, from 1 on")))
}

/// Reads `50` or `50%`, of one processor: 200 is two of them.
pub fn parse_percent(text: &str) -> Option<u32> {
    let number = text.trim();
    let number = number.strip_suffix('%').unwrap_or(number).trim_end();
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|percent| is_number && (1..=100_000).contains(percent))
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

/// Turns serde's "unknown field `x`, expected one of `a`, `b`" into a suggestion.
fn nearest(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let kind = ["unknown field", "unknown variant"].into_iter().find(|kind| message.starts_with(kind))?;
    let what = kind.strip_prefix("unknown ").map(|kind| if kind == "field" { "key" } else { "word" })?;
    let wrong = quoted.next()?;
    let best = quoted.min_by_key(|known| strsim::damerau_levenshtein(wrong, known))?;
    Some(format!("unknown {what} '{wrong}'; the nearest known one is '{best}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_key_is_named_with_its_line_and_the_nearest_one() {
        let error = parse_toml::<Config>("config.toml", "output = \"/srv\"\n\nrecipient = []\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "config.toml:3: unknown key 'recipient'; the nearest known one is 'recipients'"
        );
        let error = parse_toml::<Config>("config.toml", "max-bytes = \"many\"\n").unwrap_err();
        assert_eq!(error.to_string(), "config.toml:1: \"many\" is no size; write it as \"64 MiB\"");
        let error = parse_toml::<Config>("config.toml", "recipients = [\"age1x\"]\n").unwrap_err();
        assert!(error.to_string().contains("{ key = "), "{error}");
        let config = parse_toml::<Config>("config.toml", "max-bytes = \"2G\"\n").unwrap();
        assert_eq!(config.max_bytes, Some(2 << 30));
        let ceiling = |text: &str| parse_toml::<Config>("config.toml", text).map(|config| config.max_cpu);
        assert_eq!(ceiling("max-cpu = 50\n").unwrap(), Some(50));
        assert_eq!(ceiling("max-cpu = \"150 %\"\n").unwrap(), Some(150));
        for wrong in ["0", "\"half\"", "\"+5\"", "\"\"", "-5", "1.5"] {
            let error = ceiling(&format!("max-cpu = {wrong}\n")).unwrap_err();
            assert!(error.to_string().contains("ceiling"), "{error}");
        }
    }

    #[test]
    fn a_file_that_others_can_write_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        std::fs::write(&path, "output = \"/srv\"\n").unwrap();
        assert!(load(Some(path.clone())).unwrap().unwrap().config.output.is_some());
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o646)).unwrap();
        assert!(matches!(load(Some(path)), Err(ConfigError::Untrusted { .. })));
        assert!(load(Some(dir.path().join("none"))).is_err());
        assert!(load(Some("/dev/null".into())).unwrap().is_none(), "that is how to go without one");
    }
}
