//! What is known of rsyslog's settings: what they mean, and which of them may be told.

use super::super::{Known, Value};

/// Settings about keeping, by the names that they get here. Defaults as rsyslog 8.2302 documents them.
pub const KNOWN: [Known; 22] = [
    Known {
        name: "$SystemLogRateLimitInterval",
        default: "",
        means: "seconds in which one process may write as many lines to the local socket as the burst says; 0 switches it off",
    },
    Known {
        name: "$SystemLogRateLimitBurst",
        default: "",
        means: "lines that one process may write in the interval; the rest is lost, with one line that says how many",
    },
    Known { name: "$IMUXSockRateLimitInterval", default: "", means: "the same for further local sockets" },
    Known { name: "$IMUXSockRateLimitBurst", default: "", means: "the same for further local sockets" },
    Known {
        name: "$imjournalRatelimitInterval",
        default: "",
        means: "seconds in which as many records are taken from the journal as the burst says",
    },
    Known {
        name: "$imjournalRatelimitBurst",
        default: "",
        means: "records taken from the journal in the interval; the rest is lost",
    },
    Known {
        name: "$ActionFileDefaultTemplate",
        default: "RSYSLOG_FileFormat",
        means: "the form of lines: RSYSLOG_FileFormat has exact times, RSYSLOG_TraditionalFileFormat neither year nor zone",
    },
    Known { name: "$IncludeConfig", default: "", means: "further files with settings" },
    Known {
        name: "$RepeatedMsgReduction",
        default: "off",
        means: "lines that repeat are counted and not written",
    },
    Known {
        name: "module(imuxsock).SysSock.RateLimit.Interval",
        default: "0",
        means: "seconds in which one process may write as many lines to the local socket as the burst says; 0 switches it off",
    },
    Known {
        name: "module(imuxsock).SysSock.RateLimit.Burst",
        default: "200",
        means: "lines that one process may write in the interval; the rest is lost, with one line that says how many",
    },
    Known {
        name: "module(imuxsock).SysSock.RateLimit.Severity",
        default: "1",
        means: "lines of this severity and below in weight are limited",
    },
    Known {
        name: "module(imuxsock).SysSock.Use",
        default: "on",
        means: "whether lines of the local socket are taken at all",
    },
    Known {
        name: "module(imjournal).Ratelimit.Interval",
        default: "600",
        means: "seconds in which as many records are taken from the journal as the burst says",
    },
    Known {
        name: "module(imjournal).Ratelimit.Burst",
        default: "20000",
        means: "records taken from the journal in the interval; the rest is lost",
    },
    Known {
        name: "module(builtin:omfile).Template",
        default: "RSYSLOG_FileFormat",
        means: "the form of lines: RSYSLOG_FileFormat has exact times, RSYSLOG_TraditionalFileFormat neither year nor zone",
    },
    Known { name: "file", default: "", means: "what the scope chooses goes to this file" },
    Known { name: "remote", default: "", means: "what the scope chooses goes to this server" },
    Known { name: "discard", default: "", means: "what the scope chooses is thrown away here" },
    Known { name: "users", default: "", means: "what the scope chooses is shown on terminals" },
    Known { name: "action(omfwd).target", default: "", means: "what is chosen goes to this server" },
    Known { name: "action(omfile).file", default: "", means: "what is chosen goes to this file" },
];

/// Beginnings of directives with nothing secret in them.
const HARMLESS_DIRECTIVES: [&str; 22] = [
    "$systemlog",
    "$imuxsock",
    "$imjournal",
    "$action",
    "$include",
    "$modload",
    "$file",
    "$dir",
    "$umask",
    "$priv",
    "$workdirectory",
    "$repeated",
    "$template",
    "$mainmsg",
    "$localhost",
    "$inputtcp",
    "$udpserver",
    "$maxmessage",
    "$klog",
    "$ruleset",
    "$default",
    "$input",
];

/// Words in a name behind which a secret may stand.
const SECRET: [&str; 8] = ["pass", "pwd", "secret", "key", "token", "auth", "uid", "cert"];

/// Whether a directive's value may be told.
pub fn is_harmless_directive(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let named = |word: &str| name.windows(word.len()).any(|part| part == word.as_bytes());
    HARMLESS_DIRECTIVES.iter().any(|begin| name.starts_with(begin.as_bytes()))
        && !SECRET.iter().any(|word| named(word))
}

/// Parameters of objects with nothing secret in them; whatever else a module may take is not told.
const HARMLESS_PARAMETERS: [&str; 46] = [
    "load",
    "type",
    "name",
    "file",
    "mode",
    "target",
    "port",
    "protocol",
    "template",
    "template.",
    "dynafile",
    "queue.",
    "action.",
    "ratelimit.",
    "syssock.",
    "imuxsock.",
    "string",
    "createdirs",
    "fileowner",
    "filegroup",
    "filecreatemode",
    "dirowner",
    "dirgroup",
    "dircreatemode",
    "umask",
    "ruleset",
    "statefile",
    "persiststateinterval",
    "ignorepreviousmessages",
    "usepid",
    "usepidfromsystem",
    "ignorenonvalidstatefile",
    "defaultseverity",
    "defaultfacility",
    "workdirectory",
    "maxmessagesize",
    "sync",
    "asyncwriting",
    "flushontxend",
    "iobuffersize",
    "zipLevel",
    "address",
    "device",
    "streamdriver",
    "streamdrivermode",
    "optional",
];

/// Whether a parameter's value may be told.
pub fn is_harmless_parameter(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    HARMLESS_PARAMETERS.iter().any(|harmless| match harmless.strip_suffix('.') {
        Some(_) => name.starts_with(harmless.as_bytes()),
        None => name.eq_ignore_ascii_case(harmless.as_bytes()),
    })
}

/// `user:password@server` as `server`.
pub fn without_credentials(value: &[u8]) -> Vec<u8> {
    let at = value.iter().rposition(|byte| *byte == b'@');
    let server = at.and_then(|at| value.get(at + 1..)).unwrap_or(value);
    match value.windows(3).position(|part| part == b"://").filter(|_| at.is_some()) {
        Some(scheme) => [value.get(..scheme + 3).unwrap_or_default(), server].concat(),
        None => server.to_vec(),
    }
}

/// An action of the old kind: what it does, and with what. Databases and mails have passwords in theirs.
pub fn action(text: &[u8]) -> (&'static str, Value) {
    let told = |text: &[u8]| Value::Is(text.trim_ascii().to_vec());
    match text {
        [b'/', ..] => ("file", told(text)),
        [b'-', path @ ..] if path.starts_with(b"/") => ("file", told(path)),
        [b'?', ..] => ("file", told(text)),
        [b'@', b'@', server @ ..] => ("remote", told(&remote(server, b" over TCP"))),
        [b'@', server @ ..] => ("remote", told(&remote(server, b" over UDP"))),
        [b'~', ..] => ("discard", told(b"")),
        [b'|', ..] => ("pipe", told(text.get(1..).unwrap_or_default())),
        [b'*', ..] => ("users", told(b"everybody")),
        [b':', module @ ..] if module.starts_with(b"omusrmsg:") => {
            ("users", told(module.get(9..).unwrap_or_default()))
        }
        [b':', b'o', b'm', ..] | [b'>', ..] | [b'^', ..] => ("module", Value::Withheld),
        _ if text
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b',' | b'_' | b'-' | b' ')) =>
        {
            ("users", told(text))
        }
        _ => ("", Value::Unread(Vec::new(), "an action that is not known here")),
    }
}

fn remote(server: &[u8], how: &[u8]) -> Vec<u8> {
    [without_credentials(server.trim_ascii()).as_slice(), how].concat()
}
