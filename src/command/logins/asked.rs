//! Whose logins, from where, and in which zone the host was.

use std::fs::File;
use std::io::Read as _;

use clap::ValueEnum;

use crate::command::asked::{TimeWindow, UNSET, nobody};
use crate::records::accounts;
use crate::records::tzif::Zone;
use crate::term::Failure;
use crate::view::login_sessions::Session;
use crate::view::logins::Wanted;

/// Where this machine keeps the rules of zones (tzset(3)).
const ZONES: &str = "/usr/share/zoneinfo";
/// Bytes of a zone; the largest has 4 kB.
const ZONE: u64 = 256 << 10;

/// What of counts is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Accounts.
    Account,
    /// Addresses and terminals.
    Source,
}

/// Who, from where, and in which zone.
#[derive(clap::Args, Debug)]
pub struct AskedArgs {
    /// Of this account: a name as it was given, or a number
    #[arg(long, value_name = "NAME|UID")]
    user: Vec<String>,
    /// From this address, or terminal
    #[arg(long, value_name = "ADDRESS")]
    addr: Vec<String>,
    /// The zone of times that are logged without one, as Europe/Berlin (looked up in this machine's zones) or +01:00;
    /// without it, that of the examined host where the evidence has it, else UTC
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    zone: Option<String>,
}

/// What is asked for.
#[derive(Debug, Default)]
pub struct Asked {
    /// Of tries and records.
    pub wanted: Wanted,
    auids: Vec<u32>,
    /// Numbers of users that the examined host's /etc/passwd has no name for.
    pub unnamed: Vec<u32>,
}

impl AskedArgs {
    /// What is wrong with the question.
    pub fn check(&self) -> Result<(), Failure> {
        match self.user.iter().any(|user| user == "unset" || user.parse() == Ok(UNSET)) {
            true => Err(nobody()),
            false => Ok(()),
        }
    }

    /// The zone that was named, and how that is told.
    pub fn zone(&self) -> Result<Option<(Zone, String)>, Failure> {
        let Some(name) = &self.zone else { return Ok(None) };
        let words = format!("{name}, as --zone says");
        match offset(name) {
            Some(east) => Ok(Some((Zone::fixed(east), words))),
            None => Ok(Some((named(name)?, words))),
        }
    }
}

/// Seconds east of UTC, as `+01:00` or `UTC` says.
fn offset(name: &str) -> Option<i32> {
    if matches!(name, "UTC" | "Z") {
        return Some(0);
    }
    let (sign, rest) = match name.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let part = |text: &str, most: i32| -> Option<i32> {
        let is_plain = text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| is_plain && *number <= most)
    };
    Some(sign * (part(hours, 25)? * 3_600 + part(minutes, 59)? * 60))
}

fn named(name: &str) -> Result<Zone, Failure> {
    let cannot = |why: &dyn std::fmt::Display| {
        Failure::usage(format!("--zone {name:?}: {why}")).hint(
            "a zone as Europe/Berlin, which this machine must know (tzdata), or hours from UTC, as +01:00",
        )
    };
    let is_name = !name.is_empty() && name.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
    if !is_name {
        return Err(cannot(&"it is no name of a zone"));
    }
    let mut bytes = Vec::new();
    let file = File::open(format!("{ZONES}/{name}")).map_err(|error| cannot(&error))?;
    file.take(ZONE).read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
    Zone::parse(&bytes).ok_or_else(|| cannot(&format!("{ZONES} has something else under this name")))
}

impl Asked {
    /// Reads what was asked; `passwd` is that of the examined host.
    pub fn new(args: &AskedArgs, window: TimeWindow, passwd: &[u8]) -> Asked {
        let (names, numbers) = (accounts::names(passwd), accounts::numbers(passwd));
        let mut asked = Asked::default();
        for user in &args.user {
            let by_number: Option<u32> = user.parse().ok();
            asked.unnamed.extend(by_number.filter(|number| !names.contains_key(number)));
            let number = by_number.or_else(|| numbers.get(user.as_bytes()).copied());
            asked.auids.extend(number);
            asked.wanted.users.push(user.clone().into_bytes());
            asked.wanted.users.extend(number.and_then(|number| names.get(&number).cloned()));
        }
        asked.wanted.sources = args.addr.iter().map(|text| text.clone().into_bytes()).collect();
        (asked.wanted.since, asked.wanted.until) = (window.since, window.end());
        asked
    }

    /// Whether a session is asked for: of such a user, from there, and on at a time of the window.
    pub fn holds(&self, session: &Session) -> bool {
        let Wanted { since, until, users, .. } = &self.wanted;
        let by_number = session.auid.is_some_and(|auid| self.auids.contains(&auid));
        let of_user = users.is_empty() || users.contains(&session.user) || by_number;
        let places = [&session.from.address, &session.hostname, &session.terminal];
        let from = self.wanted.is_from(&places.map(Vec::as_slice));
        // The clock may have been set back behind its beginning.
        let (begun, ended) = session.span();
        let after = since.is_none_or(|since| ended.is_none_or(|ended| since <= ended));
        let before = until.is_none_or(|until| begun.is_none_or(|begun| begun <= until));
        of_user && from && after && before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn args(user: &[&str], addr: &[&str], zone: Option<&str>) -> AskedArgs {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        AskedArgs { user: texts(user), addr: texts(addr), zone: zone.map(str::to_owned) }
    }

    #[test]
    fn a_zone_is_hours_from_utc_or_a_name() {
        let offset = |zone: &str| args(&[], &[], Some(zone)).zone().map(|zone| zone.unwrap().0.offset(0));
        assert_eq!(
            ["+01:00", "-0530", "+05:30", "UTC", "-3"].map(|zone| offset(zone).ok()),
            [Some(3_600), None, Some(19_800), Some(0), Some(-10_800)]
        );
        for bad in ["../../etc/passwd", "/etc/localtime", "", "Nowhere/Never"] {
            assert!(!offset(bad).unwrap_err().hints().is_empty(), "{bad}");
        }
        assert!(args(&[], &[], None).zone().unwrap().is_none());
    }

    #[test]
    fn a_user_is_a_name_or_a_number_and_a_session_is_on_at_a_time() {
        let time = |seconds| Some(Timestamp::from_unix(seconds, 0));
        let window = TimeWindow { since: time(10), until: time(20) };
        let asked = Asked::new(&args(&["1001"], &[], None), window, b"alice:x:1001:1001::/:/bin/sh\n");
        assert_eq!(asked.wanted.users, [b"1001".to_vec(), b"alice".to_vec()]);
        let session = |user: &str, start, end| Session {
            user: user.into(),
            start: time(start),
            end: time(end),
            ..Session::default()
        };
        assert!(asked.holds(&session("alice", 0, 12)) && asked.holds(&session("alice", 20, 99)));
        assert!(!asked.holds(&session("alice", 0, 9)) && !asked.holds(&session("alice", 21, 99)));
        assert!(!asked.holds(&session("bob", 12, 13)));
        assert!(asked.unnamed.is_empty(), "{:?}", asked.unnamed);
        assert_eq!(Asked::new(&args(&["1001"], &[], None), window, b"").unnamed, [1001]);
        for unset in ["unset", "4294967295"] {
            assert!(args(&[unset], &[], None).check().unwrap_err().message().contains("a name or a number"));
        }
        assert!(asked.holds(&Session { auid: Some(1001), ..session("", 12, 13) }));
    }

    #[test]
    fn a_session_in_which_the_clock_was_set_back_is_on_at_its_beginning_at_its_end_and_between() {
        let time = |seconds| Some(Timestamp::from_unix(seconds, 0));
        let session = Session { start: time(100), end: time(40), ..Session::default() };
        let holds = |since, until| {
            let window = TimeWindow { since: time(since), until: time(until) };
            Asked::new(&args(&[], &[], None), window, b"").holds(&session)
        };
        assert!(holds(90, 110) && holds(30, 50) && holds(60, 70) && holds(0, 200));
        assert!(!holds(0, 30) && !holds(110, 200));
    }

    #[test]
    fn an_address_counts_however_it_is_written() {
        let from = |addr: &str, place: &str| {
            let asked = Asked::new(&args(&[], &[addr], None), TimeWindow::default(), b"");
            let session = Session { hostname: place.into(), ..Session::default() };
            let both = [asked.holds(&session), asked.wanted.holds(b"alice", place.as_bytes(), None)];
            assert_eq!(both[0], both[1], "{addr} {place}");
            both[0]
        };
        assert!(from("2001:DB8::7", "2001:db8::7") && from("203.0.113.66", "::ffff:203.0.113.66"));
        assert!(from("fe80::1%eth0", "fe80::1") && from("tty1", "tty1"));
        assert!(!from("203.0.113.66", "203.0.113.6") && !from("tty1", "") && !from("tty1", "tty2"));
    }
}
