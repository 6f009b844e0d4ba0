//! What programs said of logins, as dated facts.

use super::{At, Fact, Quality, named};
use crate::custody::entry::EntryId;
use crate::path::shown;
use crate::records::auth_text::not_kept::Unkept;
use crate::records::auth_text::{Answer, Elevator, From, Message, Said};
use crate::view::coverage::not_kept;

/// The fact of a line, where `entries` has the entry of each file by its number; none of one without a time.
pub fn fact(said: &Said, source: &'static str, entries: &[EntryId]) -> Option<Fact> {
    let (time, quality) = said.time?;
    let told = told(&said.message);
    let repeated = if said.times > 1 { format!(" ({} times)", said.times) } else { String::new() };
    let words = format!("{}: {}{repeated}", named(&said.tag), told.words);
    let at = At::of(said.place, entries);
    Some(Fact {
        user: told.user.to_vec(),
        typed: told.typed.to_vec(),
        address: told.from.map(|from| from.address.clone()).unwrap_or_default(),
        // What the journal saw counts more than what the sender wrote.
        pid: said.witness.as_ref().and_then(|seen| seen.pid).or(said.pid),
        ..Fact::new(time, told.what, &words, source, at).quality(Quality::from(quality))
    })
}

/// A message as a fact tells it.
struct Told<'a> {
    what: &'static str,
    words: String,
    user: &'a [u8],
    /// A further name that somebody typed in vain.
    typed: &'a [u8],
    from: Option<&'a From>,
}

/// sshd calls both `invalid user`.
const NOT_VALID: &str = " (not valid here: unknown, or not allowed)";

fn told(message: &Message) -> Told<'_> {
    let tell = |what, user, from, words| Told { what, words, user, typed: b"", from };
    match message {
        Message::Tried { answer, method, user, unknown_user, from, key } => {
            let key = key.as_ref().map_or_else(String::new, |key| {
                format!(", key {} {}", named(&key.kind), named(&key.fingerprint))
            });
            let known = if *unknown_user { NOT_VALID } else { "" };
            let (what, verb) = match answer {
                Answer::Accepted => ("login.accepted", "let in"),
                Answer::Failed => ("login.failed", "did not let in"),
                Answer::Postponed => ("login.postponed", "asked for more of"),
                Answer::Partial => ("login.partial", "accepted a part from"),
            };
            let words = format!("{verb} {}{known} by {}{}{key}", named(user), named(method), origin(from));
            tell(what, user, Some(from), words)
        }
        Message::UnknownUser { user, from } => {
            let what = if from.address.is_empty() { NOT_VALID.trim_start() } else { "no such user" };
            let words = format!("{what}: {}{}", named(user), origin(from));
            tell("login.unknown_user", user, Some(from), words)
        }
        Message::PamRejected { reason, user, unknown_user, from } => {
            let known = if *unknown_user { NOT_VALID } else { "" };
            let words = format!("PAM refused {}{known}{}: {}", named(user), origin(from), named(reason));
            tell("login.failed", user, Some(from), words)
        }
        Message::NotAllowed { user, from, reason } => {
            let words = format!("{} may not log in{}: {}", named(user), origin(from), named(reason));
            tell("login.not_allowed", user, Some(from), words)
        }
        Message::TooManyTries { user, from } => {
            let words = format!("too many tries as {}{}", named(user), origin(from));
            tell("login.too_many_tries", user, Some(from), words)
        }
        Message::Ended { how, user, logged_in, from } => {
            let state = match logged_in {
                Some(true) => " (logged in)",
                Some(false) => " (not logged in)",
                None => "",
            };
            let words = format!("{}: {}{state}{}", named(how), named(user), origin(from));
            tell("connection.ended", user, Some(from), words)
        }
        Message::ShellStarted { kind, terminal, user, from } => {
            let on =
                terminal.as_ref().map_or_else(String::new, |terminal| format!(" on {}", named(terminal)));
            let words = format!("started {}{on} for {}{}", named(kind), named(user), origin(from));
            tell("session.program_started", user, Some(from), words)
        }
        Message::ChannelClosed { user, from } => {
            let words = format!("a program of {} ended{}", named(user), origin(from));
            tell("session.program_ended", user, Some(from), words)
        }
        Message::Shed => tell(
            "sshd.shed",
            b"",
            None,
            "turned connections away unheard; failures are under-counted from here".to_owned(),
        ),
        Message::Server { began } => {
            let (what, words) =
                if *began { ("sshd.began", "began to listen") } else { ("sshd.ended", "was told to end") };
            tell(what, b"", None, words.to_owned())
        }
        Message::PamFailure { service, user, by, from, terminal, tries, .. } => {
            let words = format!(
                "wrong secret for {} at {}, asked by {}, terminal {}{}, {tries} tries",
                named(user),
                named(service),
                named(by),
                named(terminal),
                origin(from)
            );
            tell("login.failed", user, Some(from), words)
        }
        Message::PamSuccess { service, user, from } => {
            let words = format!("right secret for {} at {}{}", named(user), named(service), origin(from));
            tell("login.authenticated", user, Some(from), words)
        }
        Message::SessionOpened { service, user, by, .. } => {
            let words =
                format!("{} session opened for {}, asked by {}", named(service), named(user), named(by));
            tell("session.opened", user, None, words)
        }
        Message::SessionClosed { service, user } => tell(
            "session.closed",
            user,
            None,
            format!("{} session closed for {}", named(service), named(user)),
        ),
        Message::Locked { user } => tell(
            "account.locked",
            user,
            None,
            format!("{} is locked for a time: too many failures", named(user)),
        ),
        Message::Elevated { tool, by, to, folder, command, refused, .. } => {
            let tool = match tool {
                Elevator::Sudo => "sudo",
                Elevator::Su => "su",
                Elevator::Doas => "doas",
                Elevator::Pkexec => "pkexec",
            };
            let (what, verb) = match refused {
                None => ("session.elevated", "acted as"),
                Some(_) => ("session.elevation_refused", "wanted to act as"),
            };
            let why = refused.as_ref().map_or_else(String::new, |why| format!(", refused: {}", named(why)));
            let words = format!(
                "{} {verb} {} by {tool} in {}: {}{why}",
                named(by),
                named(to),
                named(folder),
                named(command)
            );
            // su asks for a name, and then for a secret.
            let typed: &[u8] = if refused.is_some() { to } else { b"" };
            Told { typed, ..tell(what, by, None, words) }
        }
        Message::Console { accepted, user, terminal, from } => {
            let (what, verb) =
                if *accepted { ("login.accepted", "let in") } else { ("login.failed", "did not let in") };
            let words = format!("{verb} {} at {}{}", named(user), named(terminal), origin(from));
            tell(what, user, Some(from), words)
        }
        Message::LogindNew { session, user } => {
            let words = format!("logind: new session {} of {}", named(session), named(user));
            tell("session.opened", user, None, words)
        }
        Message::LogindRemoved { session } => {
            tell("session.closed", b"", None, format!("logind: session {} removed", named(session)))
        }
        Message::Account { what, name, detail } => {
            tell("account.changed", name, None, format!("{what}: {} {}", named(name), shown(detail)))
        }
        Message::Cron { user, what, detail } => {
            tell("cron", user, None, format!("cron, {} of {}: {}", named(what), named(user), shown(detail)))
        }
        Message::NotKept(unkept) => {
            let what = match unkept.kind {
                Unkept::Suspended => "auditd.suspended",
                Unkept::Resumed => "auditd.resumed",
                Unkept::LowSpace => "auditd.low_space",
                Unkept::NoSpace => "auditd.no_space",
                Unkept::TextLimited | Unkept::TextLost | Unkept::KernelMissed => "log.messages_lost",
                _ => "audit.records_lost",
            };
            tell(what, b"", None, not_kept::words(*unkept))
        }
        Message::Ambiguous { text } => {
            let words = format!("can be read in more than one way, and names nobody: {}", shown(text));
            tell("log.ambiguous", b"", None, words)
        }
        Message::Other { text } => tell("log.other", b"", None, shown(text)),
    }
}

fn origin(from: &From) -> String {
    match (from.address.is_empty(), from.port) {
        (true, _) => String::new(),
        (false, Some(port)) => format!(" from {} port {port}", shown(&from.address)),
        (false, None) => format!(" from {}", shown(&from.address)),
    }
}
