//! Which of the sealed files hold login records, and of which kind.

use crate::collector::run::Run;
use crate::custody::entry::Source;
use crate::intake::SealedCopy;
use crate::path::HostPath;
use crate::records::{lastlog, utmp};

/// What a file is, as far as its name says.
pub enum What {
    /// utmp, wtmp or btmp.
    Utmp(utmp::Sort),
    /// A record for each user id.
    Indexed(lastlog::Sort),
    /// A user's failures.
    Faillock,
    /// A SQLite database.
    Database,
    /// What lies beside one.
    Companion,
    /// gzip, xz and the like, by its name.
    Compressed,
    /// Something else in one of their folders.
    Unknown,
}

/// A file that was sealed.
pub struct Found {
    /// As it was asked for.
    pub path: HostPath,
    /// What is sealed of it.
    pub copy: SealedCopy,
    /// What it should be.
    pub what: What,
}

impl Found {
    /// For entries.
    pub fn source(&self) -> Source {
        Source::led(&self.path, &self.copy.real)
    }

    /// Whether this is the file beside `other` whose name has this end.
    pub fn is_beside(&self, other: &Found, end: &[u8]) -> bool {
        self.copy.real.as_bytes().strip_suffix(end) == Some(other.copy.real.as_bytes())
    }
}

/// All of them: who is on, then logins, last logins and failures; btmp at the end, so that whoever fills it with
/// failed attempts cannot push the logins out of the table.
pub fn found(run: &Run<'_, '_>) -> Vec<Found> {
    let copies = run.intake.sealed_copies();
    let mut found: Vec<Found> = copies
        .filter_map(|copy| {
            let path = copy.path();
            let what = what(path)?;
            Some(Found { path: path.clone(), copy: copy.clone(), what })
        })
        .collect();
    let rank = |one: &Found| match one.what {
        What::Utmp(utmp::Sort::Utmp) => 0,
        What::Utmp(utmp::Sort::Wtmp) => 1,
        What::Database | What::Companion => 2,
        What::Indexed(_) | What::Faillock => 3,
        What::Compressed | What::Unknown => 4,
        What::Utmp(utmp::Sort::Btmp) => 5,
    };
    found.sort_by(|a, b| (rank(a), &a.path).cmp(&(rank(b), &b.path)));
    found
}

/// Whether SQLite puts a file of that name beside a database.
pub fn is_companion(path: &HostPath) -> bool {
    matches!(what(path), Some(What::Companion))
}

/// What a path holds; none if login records do not lie there.
fn what(path: &HostPath) -> Option<What> {
    let (folder, name) = (path.parent(), path.name());
    let databases = [&b"/var/lib/wtmpdb"[..], b"/var/lib/lastlog"];
    match folder.as_bytes() {
        b"/run" | b"/var/run" => (name == b"utmp").then_some(What::Utmp(utmp::Sort::Utmp)),
        b"/run/faillock" | b"/var/run/faillock" => Some(What::Faillock),
        b"/var/log" => in_log(name),
        folder if databases.contains(&folder) => Some(database(name).unwrap_or(What::Unknown)),
        _ => None,
    }
}

fn in_log(name: &[u8]) -> Option<What> {
    let compressed = [&b".gz"[..], b".xz", b".bz2", b".zst", b".lz4", b".Z"];
    match name {
        b"lastlog" => Some(What::Indexed(lastlog::Sort::Lastlog)),
        b"tallylog" => Some(What::Indexed(lastlog::Sort::Tallylog)),
        b"faillog" => Some(What::Indexed(lastlog::Sort::Faillog)),
        name if !name.starts_with(b"wtmp") && !name.starts_with(b"btmp") => None,
        name if compressed.iter().any(|end| name.ends_with(end)) => Some(What::Compressed),
        name => database(name).or(Some(What::Utmp(match name.starts_with(b"btmp") {
            true => utmp::Sort::Btmp,
            false => utmp::Sort::Wtmp,
        }))),
    }
}

/// `NAME.db`, and what SQLite puts beside it.
fn database(name: &[u8]) -> Option<What> {
    let companions = [&b".db-wal"[..], b".db-shm", b".db-journal"];
    if companions.iter().any(|end| name.ends_with(end)) {
        return Some(What::Companion);
    }
    name.ends_with(b".db").then_some(What::Database)
}
