//! rsyslog's files of several systems, and what is left of them when they are damaged.

use super::*;
use crate::records::mishaps::Mishaps;

/// Written from documentation (rsyslog.conf(5), rsyslog.com/doc) and from the files that Debian 12 and Red Hat 9 ship.
const TEXT: &[u8] = br#"# /etc/rsyslog.conf
module(load="imuxsock" # provides support for local system logging
       SysSock.RateLimit.Interval="5"
       SysSock.RateLimit.Burst="500")
$ModLoad imklog
$SystemLogRateLimitInterval 0
module(load="builtin:omfile" Template="RSYSLOG_TraditionalFileFormat")
/* a comment
   over lines */ global(workDirectory="/var/lib/rsyslog")
$ActionFileDefaultTemplate RSYSLOG_TraditionalFileFormat
$DefaultNetstreamDriverKeyFile /etc/key.pem
auth,authpriv.*			/var/log/auth.log
*.*;auth,authpriv.none		-/var/log/syslog;RSYSLOG_FileFormat
*.emerg				:omusrmsg:*
authpriv.* @@admin:geheim@log.example.org:6514
& stop
*.* :ommysql:db.example.org,Syslog,user,geheim
:msg, contains, "secret (" ~
authpriv.* action(type="omfwd" target="logs.example.org" port="514" protocol="tcp" password="geheim")
if $programname == 'sshd' and $msg contains "then" then /var/log/sshd.log
if $syslogfacility-text == "authpriv" then {
    action(type="ommysql" server="db" uid="user" pwd="geheim")
    stop
}
daemon.* root,operator
ruleset(name="remote"){ action(type="omfile" file="/var/log/remote.log") }
%$odd thing
"#;

fn at(settings: &[Setting], line: u32) -> Vec<(String, Option<String>, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let value = |value: &Value| match value {
        Value::Is(value) => text(value),
        Value::Withheld => "(withheld)".into(),
        Value::Unread(value, _) => format!("(unread) {}", text(value)),
    };
    let told = settings.iter().filter(|setting| setting.line == line);
    told.map(|one| (text(&one.name), one.scope.as_deref().map(text), value(&one.value))).collect()
}

#[track_caller]
fn says(settings: &[Setting], line: u32, name: &str, scope: Option<&str>, value: &str) {
    let told = at(settings, line);
    let wanted = (name.to_owned(), scope.map(str::to_owned), value.to_owned());
    assert!(told.contains(&wanted), "line {line}: {told:?}");
}

#[test]
fn rate_limits_and_places_are_found_in_every_language() {
    let settings = parse(TEXT);
    says(&settings, 2, "module(imuxsock).load", None, "imuxsock");
    says(&settings, 3, "module(imuxsock).SysSock.RateLimit.Interval", None, "5");
    says(&settings, 4, "module(imuxsock).SysSock.RateLimit.Burst", None, "500");
    says(&settings, 6, "$SystemLogRateLimitInterval", None, "0");
    says(&settings, 7, "module(builtin:omfile).Template", None, "RSYSLOG_TraditionalFileFormat");
    says(&settings, 9, "global.workDirectory", None, "/var/lib/rsyslog");
    says(&settings, 12, "file", Some("auth,authpriv.*"), "/var/log/auth.log");
    says(&settings, 13, "file", Some("*.*;auth,authpriv.none"), "/var/log/syslog;RSYSLOG_FileFormat");
    says(&settings, 14, "users", Some("*.emerg"), "*");
    says(&settings, 18, "discard", Some(":msg, contains, \"secret (\""), "");
    says(&settings, 19, "action(omfwd).target", Some("authpriv.*"), "logs.example.org");
    let condition = "if $programname == 'sshd' and $msg contains \"then\" then";
    says(&settings, 20, "condition", None, condition);
    says(&settings, 20, "file", Some(condition), "/var/log/sshd.log");
    says(&settings, 25, "users", Some("daemon.*"), "root,operator");
    says(&settings, 26, "action(omfile).file", None, "/var/log/remote.log");
    says(&settings, 27, "", None, "(unread) ");
}

#[test]
fn no_password_is_told() {
    let settings = parse(TEXT);
    says(&settings, 11, "$DefaultNetstreamDriverKeyFile", None, "(withheld)");
    says(&settings, 15, "remote", Some("authpriv.*"), "log.example.org:6514 over TCP");
    says(&settings, 17, "module", Some("*.*"), "(withheld)");
    says(&settings, 19, "action(omfwd).password", Some("authpriv.*"), "(withheld)");
    says(&settings, 22, "action(ommysql).pwd", None, "(withheld)");
    assert!(
        !settings
            .iter()
            .any(|one| matches!(&one.value, Value::Is(value) if value.windows(6).any(|w| w == b"geheim")))
    );
}

#[test]
fn what_does_not_close_is_said_with_its_line() {
    for (text, why) in [
        (&b"a.* /x\nmodule(load=\"imuxsock\n"[..], "do not close"),
        (b"a.* /x\n/* endless\n", "comment"),
        (b"a.* /x\nif $msg == 'x'\n", "without a then"),
        (b"a.* /x\nwhat is this\n", "no statement"),
        (b"a.* /x\nb.* %odd\n", "not known"),
    ] {
        let settings = parse(text);
        let last = settings.last().unwrap();
        let Value::Unread(_, said) = last.value else { panic!("{settings:?}") };
        assert!(last.line == 2 && said.contains(why), "{settings:?}");
    }
}

#[test]
fn no_mishap_makes_it_stumble() {
    Mishaps::of(TEXT).rounds(300).each(|bytes| drop(parse(bytes)));
}
