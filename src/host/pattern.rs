//! Path patterns as definitions have them: `*`, `?` and `[…]` within one component, `**` for any number of folders.
//! The only user of `globset`. Names are matched as bytes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};

use crate::path::{HostPath, PathError};

/// A pattern: a plain beginning, and what must follow below it.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    base: HostPath,
    /// Shared: of one pattern there is one for each home, and there may be 10,000 of those.
    parts: Arc<[Part]>,
}

#[derive(Clone, Debug)]
enum Part {
    /// One component that matches.
    Name(GlobMatcher),
    /// Any number of folders; as the last part, everything below.
    Deep,
}

/// Text that is no pattern.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// Its plain beginning is no path.
    #[error("{0}")]
    Path(#[from] PathError),
    /// A component of it cannot be read.
    #[error("{text}: {error}")]
    Glob {
        /// The pattern.
        text: String,
        /// What is wrong.
        error: globset::Error,
    },
}

/// Where in a pattern a walk is: the parts that could match next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress(Vec<usize>);

impl Pattern {
    /// Reads a pattern.
    pub fn new(text: &str) -> Result<Pattern, PatternError> {
        let is_plain = |component: &&str| !component.contains(['*', '?', '[', '{']);
        let components: Vec<&str> = text.split('/').filter(|component| !component.is_empty()).collect();
        let plain = components.iter().take_while(|component| is_plain(component)).count();
        let base = components.iter().take(plain).copied().collect::<Vec<_>>().join("/");
        let lead = if text.starts_with('/') { "/" } else { "" };
        let base = HostPath::new(format!("{lead}{base}"))?;
        let parts = components.iter().skip(plain).map(|component| part(text, component));
        Ok(Pattern { text: text.to_owned(), base, parts: parts.collect::<Result<_, _>>()? })
    }

    /// A pattern that is one path, whatever bytes it holds.
    pub fn exactly(path: &HostPath) -> Pattern {
        Pattern { text: path.to_string(), base: path.clone(), parts: Arc::default() }
    }

    /// Names that begin as `path` does and go on as `rest` says, in the same folder: `{audit_log}*`.
    pub fn beside(path: &HostPath, rest: &str) -> Result<Pattern, PatternError> {
        let text = format!("{path}{rest}");
        // The name may hold whatever means something in a pattern.
        let name = globset::escape(&String::from_utf8_lossy(path.name()));
        Ok(Pattern { base: path.parent(), parts: Arc::new([part(&text, &format!("{name}{rest}"))?]), text })
    }

    /// Everything below a folder.
    pub fn below(folder: &HostPath) -> Pattern {
        Pattern { text: format!("{folder}/**"), base: folder.clone(), parts: Arc::new([Part::Deep]) }
    }

    /// The same pattern with its plain beginning below `folder`: how `~` becomes each home.
    pub fn under(&self, folder: &HostPath) -> Pattern {
        let base = folder.clone().with(self.base.components());
        Pattern { text: format!("{folder}{}", self.text), base, parts: Arc::clone(&self.parts) }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its plain beginning.
    pub fn base(&self) -> &HostPath {
        &self.base
    }

    /// Whether it is one plain path.
    pub fn is_plain(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether it asks for whatever a folder holds (`…/*`, `…/**`), so that finding nothing means that there is
    /// nothing; a partly written name asks for a particular thing, which is then missing.
    pub fn asks_for_everything(&self) -> bool {
        match self.parts.last() {
            Some(Part::Deep) => true,
            Some(Part::Name(glob)) => glob.glob().glob() == "*",
            None => false,
        }
    }

    /// At the base, before anything is matched.
    pub fn start(&self) -> Progress {
        self.settle(vec![0])
    }

    /// After the component `name` below `from`. Says whether that is a match, and gives where a walk goes on.
    pub fn advance(&self, from: &Progress, name: &[u8]) -> (bool, Progress) {
        let name = OsStr::from_bytes(name);
        let mut next = Vec::new();
        for at in &from.0 {
            match self.parts.get(*at) {
                Some(Part::Deep) => next.push(*at),
                Some(Part::Name(glob)) if glob.is_match(name) => next.push(at + 1),
                _ => {}
            }
        }
        let next = self.settle(next);
        let last_is_deep = matches!(self.parts.last(), Some(Part::Deep));
        let matched = next.0.contains(&self.parts.len())
            || (last_is_deep && next.0.contains(&(self.parts.len().saturating_sub(1))));
        (matched, next)
    }

    /// Whether everything below here matches, however deep, so that names need not be looked at.
    pub fn takes_all(&self, progress: &Progress) -> bool {
        let last = self.parts.len().saturating_sub(1);
        progress.0 == [last] && matches!(self.parts.last(), Some(Part::Deep))
    }

    /// Whether a whole path matches.
    pub fn matches(&self, path: &HostPath) -> bool {
        if !path.is_within(&self.base) {
            return false;
        }
        let mut progress = self.start();
        let mut matched = self.is_plain();
        for name in path.components().skip(self.base.components().count()) {
            (matched, progress) = self.advance(&progress, name);
        }
        matched
    }

    /// Whether anything further down could match.
    pub fn goes_deeper(&self, progress: &Progress) -> bool {
        progress.0.iter().any(|at| *at < self.parts.len())
    }

    /// `**` may stand for no folder at all.
    fn settle(&self, mut at: Vec<usize>) -> Progress {
        let mut index = 0;
        while let Some(part) = at.get(index).copied() {
            if matches!(self.parts.get(part), Some(Part::Deep))
                && part + 1 < self.parts.len()
                && !at.contains(&(part + 1))
            {
                at.push(part + 1);
            }
            index += 1;
        }
        at.sort_unstable();
        at.dedup();
        Progress(at)
    }
}

fn part(text: &str, component: &str) -> Result<Part, PatternError> {
    if component == "**" {
        return Ok(Part::Deep);
    }
    let glob = GlobBuilder::new(component).literal_separator(true).build();
    let glob = glob.map_err(|error| PatternError::Glob { text: text.to_owned(), error })?;
    Ok(Part::Name(glob.compile_matcher()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_signs_in_it_stands_for_itself() {
        let log = HostPath::new("/data/audit[1]/au*dit.log").unwrap();
        let pattern = Pattern::beside(&log, "*").unwrap();
        assert!(pattern.matches(&HostPath::new("/data/audit[1]/au*dit.log.1").unwrap()));
        assert!(!pattern.matches(&HostPath::new("/data/audit[1]/auXdit.log").unwrap()));
        assert_eq!(pattern.base().to_string(), "/data/audit[1]");
    }

    fn matches(pattern: &str, path: &[u8]) -> bool {
        Pattern::new(pattern).unwrap().matches(&HostPath::new(path).unwrap())
    }

    #[test]
    fn stars_stay_in_their_component_and_double_stars_do_not() {
        assert!(matches("/var/log/audit/audit.log*", b"/var/log/audit/audit.log.1"));
        assert!(!matches("/var/log/*", b"/var/log/audit/audit.log"));
        assert!(matches("/var/log/**", b"/var/log/audit/audit.log"));
        assert!(matches("/etc/**/*.conf", b"/etc/a.conf"));
        assert!(matches("/etc/**/*.conf", b"/etc/x/y/a.conf"));
        assert!(!matches("/etc/**/*.conf", b"/etc/x/y/a.conf/z"));
        assert!(matches("/etc/rc?.d/S[0-9]*", b"/etc/rc2.d/S01x"));
        assert!(matches("/home/*/.ssh/authorized_keys", b"/home/j\xff/.ssh/authorized_keys"));
        assert!(matches("/etc/passwd", b"/etc/passwd"));
        assert!(!matches("/etc/passwd", b"/etc/passwd-"));
    }

    #[test]
    fn the_plain_beginning_is_where_a_walk_starts() {
        let pattern = Pattern::new("/var/log/journal/*/*.journal*").unwrap();
        assert_eq!(pattern.base().as_bytes(), b"/var/log/journal");
        assert!(!pattern.asks_for_everything());
        assert!(Pattern::new("/etc/cron.d/*").unwrap().asks_for_everything());
        assert!(Pattern::new("/etc/x/**").unwrap().asks_for_everything());
    }

    #[test]
    fn where_everything_is_taken_every_name_would_match() {
        let below = Pattern::new("/etc/**").unwrap();
        let start = below.start();
        assert!(below.takes_all(&start));
        assert_eq!(below.advance(&start, b"x"), (true, start));
        for other in ["/etc/*", "/etc/**/*.conf", "/etc/passwd", "/etc/*/**"] {
            let pattern = Pattern::new(other).unwrap();
            assert!(!pattern.takes_all(&pattern.start()), "{other}");
        }
    }

    #[test]
    fn a_home_is_put_before_the_pattern() {
        let pattern = Pattern::new("/.ssh/*").unwrap().under(&HostPath::new(b"/home/j\xff").unwrap());
        assert_eq!(pattern.base().as_bytes(), b"/home/j\xff/.ssh");
        assert!(!pattern.is_plain());
    }

    #[test]
    fn what_is_no_pattern_is_an_error() {
        for bad in ["relative/x", "/a/../b", "/a/[", ""] {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
    }
}
