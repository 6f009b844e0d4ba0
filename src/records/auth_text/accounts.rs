//! Messages of the programs that change accounts and groups (shadow-utils, and their like elsewhere).

use super::Message;
use super::scan::{cut, quoted, word};

/// Their names.
pub const PROGRAMS: [&[u8]; 21] = [
    b"useradd",
    b"usermod",
    b"userdel",
    b"groupadd",
    b"groupmod",
    b"groupdel",
    b"gpasswd",
    b"passwd",
    b"chpasswd",
    b"chage",
    b"chsh",
    b"chfn",
    b"newusers",
    b"adduser",
    b"deluser",
    b"addgroup",
    b"delgroup",
    b"groupmems",
    b"vipw",
    b"pwconv",
    b"chgpasswd",
];

/// What is done, where the name begins, and how it ends.
struct Form {
    what: &'static str,
    mark: &'static [u8],
    ends: Ends,
}

enum Ends {
    /// In quotes.
    Quoted,
    /// At a comma.
    Comma,
    /// At a blank.
    Blank,
}

const fn form(what: &'static str, mark: &'static [u8], ends: Ends) -> Form {
    Form { what, mark, ends }
}

/// By their beginnings; of two that fit, the longer is first.
const FORMS: [Form; 27] = [
    form("new user", b"new user: name=", Ends::Comma),
    form("new group", b"new group: name=", Ends::Comma),
    form("group added to file", b"group added to ", Ends::Comma),
    form("add to group", b"add ", Ends::Quoted),
    form("delete user", b"delete user ", Ends::Quoted),
    form("delete from group", b"delete ", Ends::Quoted),
    form("removed group", b"removed group ", Ends::Quoted),
    form("removed shadow group", b"removed shadow group ", Ends::Quoted),
    form("removed group", b"group ", Ends::Quoted),
    form("user renamed", b"change user name ", Ends::Quoted),
    form("change user", b"change user ", Ends::Quoted),
    form("lock password", b"lock user ", Ends::Quoted),
    form("unlock password", b"unlock user ", Ends::Quoted),
    form("password changed", b"password for ", Ends::Quoted),
    form("password expiry changed", b"changed password expiry for ", Ends::Blank),
    form("change user", b"changed user ", Ends::Quoted),
    form("add to group", b"user ", Ends::Blank),
    form("password changed", b"password changed for ", Ends::Blank),
    form("password of group changed", b"change the password for group ", Ends::Blank),
    form("group changed", b"group changed in ", Ends::Comma),
    form("group changed", b"change group ", Ends::Quoted),
    form("members of group set", b"members of group ", Ends::Blank),
    form("administrators of group set", b"set administrators of group ", Ends::Blank),
    form("members of group set", b"set members of ", Ends::Blank),
    form("change user", b"set user ", Ends::Quoted),
    form("account added", b"account added to group - account=", Ends::Comma),
    form("home folder deleted", b"delete home directory ", Ends::Quoted),
];

/// What was done to which account or group; none if it is not known.
pub fn understand(message: &[u8]) -> Option<Message> {
    FORMS.iter().find_map(|form| form.read(message))
}

impl Form {
    fn read(&self, message: &[u8]) -> Option<Message> {
        let rest = message.strip_prefix(self.mark)?;
        // `group added to /etc/group: name=nurses, GID=1003`
        let rest = if self.mark.starts_with(b"group ") && rest.starts_with(b"/") {
            cut(rest, b": name=")?.1
        } else {
            rest
        };
        let (name, detail) = match self.ends {
            Ends::Quoted => quoted(rest)?,
            Ends::Comma => cut(rest, b",").unwrap_or((rest, b"")),
            Ends::Blank => word(rest),
        };
        let removed = self.mark == b"user " && detail.starts_with(b"removed ");
        let what = if removed { "delete from group" } else { self.what };
        Some(Message::Account { what, name: name.to_vec(), detail: detail.trim_ascii_start().to_vec() })
    }
}
