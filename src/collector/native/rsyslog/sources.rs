//! Which of the sealed files configure logging, and in which order they count.

use crate::collector::native::sealed_again;
use crate::collector::run::Run;
use crate::custody::entry::EntryId;
use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Wanted};
use crate::path::HostPath;
use crate::records::log_settings::journald;

/// Whose configuration a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// journald.conf(5)
    Journald,
    /// rsyslog.conf(5)
    Rsyslog,
    /// Not read.
    SyslogNg,
    /// logrotate(8)
    Logrotate,
    /// Its status file.
    LogrotateStatus,
    /// sshd_config(5)
    Sshd,
}

impl Program {
    /// As it stands in the table.
    pub fn word(self) -> &'static str {
        match self {
            Program::Journald => "journald",
            Program::Rsyslog => "rsyslog",
            Program::SyslogNg => "syslog-ng",
            Program::Logrotate | Program::LogrotateStatus => "logrotate",
            Program::Sshd => "sshd",
        }
    }

    fn of(path: &HostPath) -> Option<Program> {
        let (folder, name) = (path.parent(), path.name());
        let drop_in = name.ends_with(b".conf");
        Some(match folder.as_bytes() {
            folder if is_of_systemd(folder) && name == b"journald.conf" => Program::Journald,
            folder if drop_in && folder.strip_suffix(b"/journald.conf.d").is_some_and(is_of_systemd) => {
                Program::Journald
            }
            b"/etc" if name == b"rsyslog.conf" => Program::Rsyslog,
            b"/etc/rsyslog.d" => Program::Rsyslog,
            folder if folder.starts_with(b"/etc/syslog-ng") => Program::SyslogNg,
            b"/etc" if name == b"logrotate.conf" => Program::Logrotate,
            b"/etc/logrotate.d" => Program::Logrotate,
            b"/var/lib" if name == b"logrotate.status" => Program::LogrotateStatus,
            b"/var/lib/logrotate" if name.starts_with(b"status") || name == b"logrotate.status" => {
                Program::LogrotateStatus
            }
            b"/etc/ssh" if name == b"sshd_config" => Program::Sshd,
            b"/etc/ssh/sshd_config.d" if drop_in => Program::Sshd,
            _ => return None,
        })
    }
}

fn is_of_systemd(folder: &[u8]) -> bool {
    [&b"/etc/systemd"[..], b"/run/systemd", b"/usr/local/lib/systemd", b"/usr/lib/systemd"].contains(&folder)
}

/// A file that was sealed.
pub struct File {
    /// Whose it is.
    pub program: Program,
    /// As it was asked for.
    pub path: HostPath,
    /// The sealed copy.
    pub entry: EntryId,
    /// Its bytes, or why they are not at hand.
    pub bytes: Result<Vec<u8>, String>,
}

/// All of them: journald's in the order in which systemd reads them, the others by path.
pub fn sealed(run: &Run<'_, '_>) -> Vec<File> {
    let mut files: Vec<File> = run
        .intake
        .sealed_copies()
        .filter_map(|copy| {
            let path = copy.path();
            let program = Program::of(path)?;
            let bytes = sealed_again::bytes(run, copy);
            Some(File { program, path: path.clone(), entry: copy.entry, bytes })
        })
        .collect();
    // Main files before drop-ins, and these by name, whatever their folder.
    let drop_in = |file: &File| file.path.parent().name().ends_with(b".d");
    files.sort_by_cached_key(|file| {
        let by_name = if file.program == Program::Journald { file.path.name().to_vec() } else { Vec::new() };
        (file.program, drop_in(file), by_name, file.path.clone())
    });
    files
}

/// journald's files that do not count, because others come first.
pub fn hidden(run: &Run<'_, '_>, files: &[File]) -> Vec<EntryId> {
    let of_journald = || files.iter().filter(|file| file.program == Program::Journald);
    let paths: Vec<&[u8]> = of_journald().map(|file| file.path.as_bytes()).collect();
    let masks = masks(run);
    let masks: Vec<&[u8]> = masks.iter().map(HostPath::as_bytes).collect();
    let counting = journald::in_order(&paths, &masks);
    of_journald().filter(|file| !counting.contains(&file.path.as_bytes())).map(|file| file.entry).collect()
}

/// Files without a byte and links to /dev/null: they are no copies with content, and hide those of their name.
fn masks(run: &Run<'_, '_>) -> Vec<HostPath> {
    const PLACES: [&str; 6] = [
        "/etc/systemd/journald.conf",
        "/etc/systemd/journald.conf.d/*.conf",
        "/run/systemd/journald.conf",
        "/run/systemd/journald.conf.d/*.conf",
        "/usr/local/lib/systemd/journald.conf",
        "/usr/local/lib/systemd/journald.conf.d/*.conf",
    ];
    let patterns = PLACES.iter().filter_map(|place| Pattern::new(place).ok());
    let found =
        patterns.flat_map(|pattern| run.host.walk(&pattern, Wanted::Files, false).collect::<Vec<_>>());
    found
        .filter_map(|found| match found {
            Found::Match(found) if found.target.as_deref() == Some(b"/dev/null") => Some(found.spot.path),
            Found::Match(found) if found.target.is_none() && found.met.stat.size == 0 => {
                Some(found.spot.path)
            }
            _ => None,
        })
        .collect()
}
