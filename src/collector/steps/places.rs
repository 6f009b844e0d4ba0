//! Places of the examined machine that definitions name without knowing them.

use std::collections::BTreeSet;

use rustix::fs::FileType;

use crate::collector::auditd;
use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Wanted};
use crate::host::{Host, Trouble};
use crate::path::HostPath;
use crate::records::{accounts, audit_config, os_release, sshd_config};

/// Where things are on this machine.
pub struct Places {
    /// Of every account in `/etc/passwd`, and every folder of `/home`, because the accounts of a directory service
    /// stand in no file.
    pub homes: Vec<HostPath>,
    /// What of `/etc/passwd` could not be made use of.
    pub unread: Unread,
    /// What kept `/home` from being listed.
    pub trouble: Option<Trouble>,
    /// The file that auditd writes.
    pub audit_log: HostPath,
    /// Files that it may have written once.
    pub former_audit_logs: Vec<HostPath>,
    /// Where sshd looks for keys beside the usual places, as patterns.
    pub authorized_keys: Vec<String>,
    /// What kind of system it is: `ID` and `ID_LIKE` of os-release.
    pub system: Vec<String>,
    /// Device and inode of the files that hold password hashes, whatever else they are called.
    pub secrets: Vec<(u64, u64)>,
}

/// Lines of `/etc/passwd` that name no home, or name one that is not looked at.
#[derive(Default)]
pub struct Unread {
    /// The first that are damaged, by number.
    pub damaged: Vec<usize>,
    /// How many there are beside those.
    pub more: u64,
    /// Accounts with other homes, past the most that are looked at.
    pub past_most: u64,
    /// The file is longer than what of it is read: there may be homes that are not known.
    pub behind: bool,
}

/// Bytes of `/etc/passwd` that are read.
const PASSWD: u64 = 16 << 20;

/// Homes of `/etc/passwd` that are looked at: each costs a look for every path of every definition.
const HOMES: usize = 50_000;

/// Damaged lines of it that are told by number.
const DAMAGED: usize = 100;

/// Files that hold password hashes.
const SECRETS: [&str; 5] =
    ["/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/security/opasswd"];

impl Places {
    /// Looks them up.
    pub fn of(host: &Host) -> Places {
        let (mut homes, unread) = of_accounts(host);
        let mut trouble = None;
        let mut found = folders(host, &HostPath::root().join(b"home"), &mut trouble);
        // winbind and sssd make /home/DOMAIN/user: a folder that is nobody's home and looks like none holds homes.
        let domains: Vec<HostPath> = found
            .iter()
            .filter(|home| !homes.contains(home) && !looks_like_home(host, home))
            .cloned()
            .collect();
        for domain in domains {
            found.extend(folders(host, &domain, &mut trouble));
        }
        homes.extend(found);
        homes.sort();
        homes.dedup();
        let conf = auditd::configuration(host);
        Places {
            authorized_keys: authorized_keys(host, &homes),
            homes,
            unread,
            trouble,
            audit_log: auditd::log(&conf),
            former_audit_logs: audit_config::former_logs(&conf),
            secrets: secrets(host),
            system: system(host),
        }
    }
}

/// The homes of `/etc/passwd`.
fn of_accounts(host: &Host) -> (Vec<HostPath>, Unread) {
    let passwd = HostPath::new("/etc/passwd").ok().and_then(|path| host.peek(&path, PASSWD + 1).ok());
    let passwd = passwd.unwrap_or_default();
    let (mut homes, mut unread) = (BTreeSet::new(), Unread::default());
    unread.behind = passwd.len() as u64 > PASSWD;
    for account in accounts::parse_passwd(&passwd) {
        match account.map(|account| account.home) {
            Ok(Some(home)) if homes.contains(&home) => {}
            Ok(Some(_)) if homes.len() >= HOMES => unread.past_most += 1,
            Ok(Some(home)) => drop(homes.insert(home)),
            Ok(None) => {}
            Err(number) if unread.damaged.len() < DAMAGED => unread.damaged.push(number),
            Err(_) => unread.more += 1,
        }
    }
    (homes.into_iter().collect(), unread)
}

/// The folders in a folder. What cannot be listed is noted; what must not be touched is looked for like the others,
/// and told by whoever looks for it.
fn folders(host: &Host, folder: &HostPath, trouble: &mut Option<Trouble>) -> Vec<HostPath> {
    let Ok(pattern) = Pattern::new("/*").map(|all| all.under(folder)) else { return Vec::new() };
    let mut folders = Vec::new();
    for found in host.walk(&pattern, Wanted::Everything, false) {
        match found {
            Found::Match(found) if found.met.kind == FileType::Directory => folders.push(found.spot.path),
            Found::LeftOut(place, _) => folders.push(place.path),
            Found::Trouble(place, Trouble::Missing(_)) if place.path == *folder => {}
            Found::Trouble(_, met) => *trouble = Some(met),
            Found::Match(_) | Found::Led(_) | Found::TooDeep(_) | Found::OverAllowance(_) => {}
        }
    }
    folders
}

fn looks_like_home(host: &Host, folder: &HostPath) -> bool {
    const SIGNS: [&[u8]; 6] = [b".profile", b".bashrc", b".bash_history", b".ssh", b".cache", b".config"];
    SIGNS.iter().any(|sign| host.locate(&folder.join(sign), true).is_ok())
}

fn system(host: &Host) -> Vec<String> {
    let read = |path: &str| host.peek(&HostPath::new(path).ok()?, 1 << 20).ok();
    let release = read("/etc/os-release").or_else(|| read("/usr/lib/os-release")).unwrap_or_default();
    let values = os_release::parse(&release);
    let named = ["ID", "ID_LIKE"].iter().filter_map(|key| values.get(*key));
    named.flat_map(|names| names.split_whitespace().map(str::to_owned)).collect()
}

/// `AuthorizedKeysFile` of sshd_config(5). `%h` is a home; any other token, and anybody's name, could be anything.
fn authorized_keys(host: &Host, homes: &[HostPath]) -> Vec<String> {
    let mut patterns = Vec::new();
    for pattern in
        ["/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*.conf"].map(Pattern::new).into_iter().flatten()
    {
        for found in host.walk(&pattern, Wanted::Files, true) {
            let Found::Match(found) = found else { continue };
            let text = host.peek(&found.spot.path, 1 << 20).unwrap_or_default();
            patterns.extend(sshd_config::authorized_keys_files(&text));
        }
    }
    let spelt_out =
        |file: String| match file.strip_prefix("%h/").or((!file.starts_with('/')).then_some(file.as_str())) {
            Some(below) => homes.iter().map(|home| format!("{home}/{below}")).collect(),
            None => vec![file],
        };
    let mut all: Vec<String> = patterns.into_iter().flat_map(spelt_out).collect();
    all.sort();
    all.dedup();
    all.iter().map(|file| sshd_config::without_tokens(file)).collect()
}

fn secrets(host: &Host) -> Vec<(u64, u64)> {
    let patterns = SECRETS.iter().filter_map(|path| Some(Pattern::exactly(&HostPath::new(path).ok()?)));
    let found = patterns.flat_map(|pattern| host.walk(&pattern, Wanted::Files, true).collect::<Vec<_>>());
    found
        .filter_map(|found| match found {
            Found::Match(found) => Some(found.met.identity),
            _ => None,
        })
        .collect()
}
