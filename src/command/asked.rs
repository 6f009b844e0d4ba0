//! What the verbs that answer questions are asked, in words that all of them have in common.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use crate::clock::{TimeError, Timestamp};
use crate::path::HostPath;
use crate::records::{accounts, addresses};
use crate::term::Failure;

/// The number that stands for nobody: no login, or no user (audit_getloginuid(3)).
pub const UNSET: u32 = u32::MAX;

/// What counts as PHI, beside what a bundle says.
#[derive(clap::Args, Debug)]
pub struct PhiArgs {
    /// A folder that holds PHI; a bundle and the audit rules of an image say so themselves
    #[arg(long, value_name = "DIR")]
    phi: Vec<PathBuf>,
    /// An audit key of the rules that watch PHI folders
    #[arg(long, value_name = "KEY")]
    phi_key: Vec<String>,
}

impl PhiArgs {
    /// Puts them to those that are known already.
    pub fn add_to(&self, roots: &mut Vec<HostPath>, keys: &mut Vec<Vec<u8>>) -> Result<(), Failure> {
        for folder in &self.phi {
            let folder = HostPath::new(folder.as_os_str().as_bytes()).map_err(|error| {
                Failure::usage(format!("--phi: {error}"))
                    .hint("name the folder by its whole path on the examined host, as --phi /srv/records")
            })?;
            roots.push(folder);
        }
        keys.extend(self.phi_key.iter().map(|key| key.as_bytes().to_vec()));
        roots.sort();
        roots.dedup();
        keys.sort();
        keys.dedup();
        Ok(())
    }
}

/// What of a second lies behind its beginning.
const REST_OF_SECOND: Duration = Duration::from_nanos(999_999_999);

/// How a time that was typed is read.
type Typed = fn(&str, Timestamp) -> Result<Timestamp, TimeError>;

/// From when to when.
#[derive(clap::Args, Debug)]
pub struct WindowArgs {
    /// Not before this time: 2026-11-21, '2026-11-21 20:19', RFC 3339, or a span back (7d, 36h) from when the evidence was
    /// collected, else from now; UTC
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Not after this time; a day, minute or second is meant to its end
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// A window of time; both ends belong to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeWindow {
    /// Not before.
    pub since: Option<Timestamp>,
    /// Not after; of a day or minute that was typed, its last second.
    pub until: Option<Timestamp>,
}

impl WindowArgs {
    /// Reads them; `now` is what a span goes back from.
    pub fn window(&self, now: Timestamp) -> Result<TimeWindow, Failure> {
        let read = |name: &str, text: &Option<String>, typed: Typed| {
            let read = text.as_deref().map(|text| typed(text, now)).transpose();
            read.map_err(|error| {
                Failure::usage(format!("{name}: {error}")).hint(
                    "a day as 2026-11-21, a time as '2026-11-21 20:19:48' in UTC, or a span as 7d, 36h, 90m",
                )
            })
        };
        let window = TimeWindow {
            since: read("--since", &self.since, Timestamp::typed)?,
            until: read("--until", &self.until, Timestamp::typed_end)?,
        };
        match (window.since, window.until) {
            (Some(since), Some(until)) if since > until => {
                Err(Failure::usage(format!("--since {} is after --until {}", since.spoken(), until.spoken()))
                    .hint("nothing can lie between them; change the two"))
            }
            _ => Ok(window),
        }
    }
}

impl TimeWindow {
    /// Whether anybody asked for one.
    pub fn is_asked(self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    /// The last moment that belongs to it: a whole second that was typed is meant to its end.
    pub fn end(self) -> Option<Timestamp> {
        let whole = |time: Timestamp| time.since(Timestamp::from_unix(time.unix(), 0)).is_zero();
        self.until.map(|until| if whole(until) { until.plus(REST_OF_SECOND) } else { until })
    }

    /// As it is told.
    pub fn words(self) -> String {
        match (self.since, self.until) {
            (None, None) => "all times".into(),
            (Some(since), None) => format!("since {}", since.spoken()),
            (None, Some(until)) => format!("until {}", until.spoken()),
            (Some(since), Some(until)) => format!("{} to {}", since.spoken(), until.spoken()),
        }
    }
}

/// Who, what and from where.
#[derive(clap::Args, Debug)]
pub struct WhoArgs {
    /// Of this user: a name, a number, or 'unset' for nobody who logged in
    #[arg(long, alias = "auid", value_name = "NAME|UID")]
    user: Vec<String>,
    /// About this file or folder, by its whole path, and what lies below
    #[arg(long, value_name = "PATH")]
    path: Vec<PathBuf>,
    /// From this address, however a log writes it
    #[arg(long, value_name = "ADDRESS")]
    addr: Vec<String>,
}

impl WhoArgs {
    /// The numbers of the users; `passwd` is that of the examined host.
    pub fn users(&self, passwd: &[u8]) -> Result<Vec<u32>, Failure> {
        let known = if self.user.is_empty() { BTreeMap::new() } else { accounts::numbers(passwd) };
        self.user.iter().map(|user| number_of(user, &known)).collect()
    }

    /// The users by name and by number. A name that `passwd` has not may be of an account that is gone, or of a directory.
    pub fn named_users(&self, passwd: &[u8]) -> Result<Users, Failure> {
        let (numbers, names) = (accounts::numbers(passwd), accounts::names(passwd));
        let mut users = Users::default();
        for user in &self.user {
            match user.parse() {
                Ok(UNSET) => return Err(nobody()),
                Ok(number) => users.ask_number(number, names.get(&number)),
                Err(_) if user == "unset" => return Err(nobody()),
                Err(_) => users.ask_name(user.as_bytes(), numbers.get(user.as_bytes()).copied()),
            }
        }
        Ok(users)
    }

    /// The paths.
    pub fn paths(&self) -> Result<Vec<HostPath>, Failure> {
        let read = |path: &PathBuf| {
            HostPath::new(path.as_os_str().as_bytes()).map_err(|error| {
                Failure::usage(format!("--path: {error}"))
                    .hint("name it by its whole path on the examined host, as --path /srv/records/a.txt")
            })
        };
        self.path.iter().map(read).collect()
    }

    /// The addresses, without zones; those of IPv4 within IPv6 as those of IPv4.
    pub fn addresses(&self) -> Result<Vec<IpAddr>, Failure> {
        let read = |text: &String| {
            addresses::read(text.as_bytes()).ok_or_else(|| {
                Failure::usage(format!("--addr: {text:?} is no address")).hint(
                    "an address of IPv4 or IPv6, as 192.0.2.7 or 2001:db8::7; logs hold addresses, not names",
                )
            })
        };
        self.addr.iter().map(read).collect()
    }
}

/// Users by name and by number, each as far as it is known: logs have either.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    /// By name.
    pub names: Vec<Vec<u8>>,
    /// By number.
    pub numbers: Vec<u32>,
    /// Names of whose numbers nothing is known.
    pub numberless: Vec<Vec<u8>>,
    /// Numbers of whose names nothing is known.
    pub nameless: Vec<u32>,
}

impl Users {
    fn ask_number(&mut self, number: u32, name: Option<&Vec<u8>>) {
        self.numbers.push(number);
        match name {
            Some(name) => self.names.push(name.clone()),
            None => self.nameless.push(number),
        }
    }

    fn ask_name(&mut self, name: &[u8], number: Option<u32>) {
        self.names.push(name.to_vec());
        match number {
            Some(number) => self.numbers.push(number),
            None => self.numberless.push(name.to_vec()),
        }
    }

    /// Whether of each both are known.
    pub fn is_complete(&self) -> bool {
        self.numberless.is_empty() && self.nameless.is_empty()
    }

    /// Whether it would help to know that these two are one user's.
    pub fn misses(&self, name: &[u8], number: u32) -> bool {
        self.numberless.iter().any(|asked| asked == name) || self.nameless.contains(&number)
    }

    /// These two are one user's, of whom one is asked for.
    pub fn learn(&mut self, name: &[u8], number: u32) {
        self.names.push(name.to_vec());
        self.numbers.push(number);
        self.numberless.retain(|asked| asked != name);
        self.nameless.retain(|asked| *asked != number);
    }
}

/// Where accounts are asked for, and not login identities.
pub fn nobody() -> Failure {
    Failure::usage("--user: here a user is a name or a number")
        .hint("'phi-ir search --user unset' finds what nobody did who logged in")
}

fn number_of(user: &str, known: &BTreeMap<Vec<u8>, u32>) -> Result<u32, Failure> {
    match (user, user.parse()) {
        ("unset" | "-1", _) => Ok(UNSET),
        (_, Ok(number)) => Ok(number),
        _ => known.get(user.as_bytes()).copied().ok_or_else(|| {
            let words = match known.is_empty() {
                true => format!("--user: {user:?} has no number here: the evidence holds no /etc/passwd"),
                false => format!("--user: the examined host's /etc/passwd knows no {user:?}"),
            };
            Failure::usage(words).hint("give the number of the user; a deleted account has one in the log")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(since: &str, until: &str) -> Result<TimeWindow, Failure> {
        let args = WindowArgs { since: Some(since.into()), until: Some(until.into()) };
        args.window(Timestamp::parse("2026-11-21T12:00:00Z").unwrap())
    }

    #[test]
    fn a_window_is_read_and_both_ends_belong_to_it() {
        let asked = window("1d", "2026-11-21 11:59:59").unwrap();
        assert_eq!(asked.words(), "2026-11-20 12:00:00 UTC to 2026-11-21 11:59:59 UTC");
        assert_eq!(asked.end(), Some(Timestamp::parse("2026-11-21T11:59:59.999999999Z").unwrap()));
        let exact = window("1d", "2026-11-21T11:00:00.5Z").unwrap();
        assert_eq!(exact.end(), exact.until);
        let end = |until: &str| window("2026-11-18", until).unwrap().end().unwrap().to_string();
        assert_eq!(end("2026-11-18"), "2026-11-18T23:59:59.999999999Z");
        assert_eq!(end("2026-11-18 14:05"), "2026-11-18T14:05:59.999999999Z");
        assert_eq!(end("2026-11-18 14:05:00"), "2026-11-18T14:05:00.999999999Z");
        assert!(window("1d", "2026-11-01").unwrap_err().message().contains("is after --until"));
        assert!(!window("yesterday", "1d").unwrap_err().hints().is_empty());
    }

    #[test]
    fn an_address_may_have_a_zone_and_one_within_ipv6_is_of_ipv4() {
        let addresses =
            |addr: &str| WhoArgs { user: Vec::new(), path: Vec::new(), addr: vec![addr.into()] }.addresses();
        assert_eq!(addresses("fe80::1%eth0").unwrap(), ["fe80::1".parse::<IpAddr>().unwrap()]);
        assert_eq!(addresses("::ffff:192.0.2.7").unwrap(), ["192.0.2.7".parse::<IpAddr>().unwrap()]);
        assert!(addresses("clinic").unwrap_err().message().contains("is no address"));
    }

    #[test]
    fn a_user_is_a_name_or_a_number() {
        let who = |user: &str| WhoArgs { user: vec![user.into()], path: Vec::new(), addr: Vec::new() };
        let passwd = b"root:x:0:0::/root:/bin/sh\nalice:x:1001:1001::/home/alice:/bin/sh\n";
        assert_eq!(who("alice").users(passwd).unwrap(), [1001]);
        assert_eq!(who("4711").users(b"").unwrap(), [4711]);
        assert_eq!(who("unset").users(b"").unwrap(), [UNSET]);
        assert!(who("bob").users(passwd).unwrap_err().message().contains("knows no \"bob\""));
        assert!(who("bob").users(b"").unwrap_err().message().contains("holds no /etc/passwd"));
    }
    #[test]
    fn a_user_is_asked_for_by_name_and_by_number_as_far_as_both_are_known() {
        let user = ["alice", "1002", "root"].map(str::to_owned).to_vec();
        let who = WhoArgs { user, path: Vec::new(), addr: Vec::new() };
        let mut users = who.named_users(b"root:x:0:0::/root:/bin/sh\n").unwrap();
        assert_eq!((users.numbers.as_slice(), users.nameless.as_slice()), (&[1002, 0][..], &[1002][..]));
        assert_eq!(users.numberless, [b"alice".to_vec()]);
        assert!(users.misses(b"alice", 7) && users.misses(b"bob", 1002) && !users.misses(b"root", 0));
        users.learn(b"alice", 1001);
        assert!(!users.is_complete() && users.numbers.contains(&1001));
        users.learn(b"bob", 1002);
        assert!(users.is_complete() && users.names.contains(&b"bob".to_vec()));
    }
}
