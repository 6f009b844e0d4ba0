//! Messages as they were captured, and as documents have them.

mod names;
mod programs;

use super::*;
use crate::records::mishaps::Mishaps;

fn said(tag: &str, message: &str) -> Message {
    understand(tag.as_bytes(), message.as_bytes()).unwrap()
}

fn shown(tag: &str, message: &str) -> String {
    let bytes = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let place = |from: &From| {
        format!("{}:{}", bytes(&from.address), from.port.map_or(String::new(), |port| port.to_string()))
    };
    match said(tag, message) {
        Message::Tried { answer, method, user, unknown_user, from, key } => {
            let key = key.map_or(String::new(), |key| {
                format!(" [{} {} {}]", bytes(&key.kind), bytes(&key.fingerprint), bytes(&key.detail))
            });
            format!("{answer:?} {} {{{}}} {unknown_user} {}{key}", bytes(&method), bytes(&user), place(&from))
        }
        Message::UnknownUser { user, from } => format!("unknown {{{}}} {}", bytes(&user), place(&from)),
        Message::PamRejected { reason, user, unknown_user, from } => {
            format!("{} {{{}}} {unknown_user} {}", bytes(&reason), bytes(&user), place(&from))
        }
        Message::NotAllowed { user, from, reason } => {
            format!("not {{{}}} {} {}", bytes(&user), place(&from), bytes(&reason))
        }
        Message::TooManyTries { user, from } => format!("many {{{}}} {}", bytes(&user), place(&from)),
        Message::Ended { how, user, logged_in, from } => {
            format!("{} {{{}}} {logged_in:?} {}", bytes(&how), bytes(&user), place(&from))
        }
        Message::ShellStarted { kind, terminal, user, from } => format!(
            "{} {:?} {{{}}} {}",
            bytes(&kind),
            terminal.map(|t| bytes(&t)),
            bytes(&user),
            place(&from)
        ),
        Message::ChannelClosed { user, from } => format!("channel {{{}}} {}", bytes(&user), place(&from)),
        Message::PamSuccess { service, user, from } => {
            format!("{} right {{{}}} {}", bytes(&service), bytes(&user), place(&from))
        }
        Message::PamFailure { module, service, user, by, from, terminal, tries } => format!(
            "{} {} {{{}}} by {{{}}} {} {} {tries}",
            bytes(&module),
            bytes(&service),
            bytes(&user),
            bytes(&by),
            place(&from),
            bytes(&terminal)
        ),
        Message::SessionOpened { service, user, uid, by, by_uid } => {
            format!("{} {} {uid:?} {{{}}} {by_uid:?}", bytes(&service), bytes(&user), bytes(&by))
        }
        Message::SessionClosed { service, user } => format!("{} closed {}", bytes(&service), bytes(&user)),
        Message::Locked { user } => format!("locked {}", bytes(&user)),
        Message::Elevated { tool, by, to, terminal, folder, command, refused } => format!(
            "{tool:?} {{{}}}>{{{}}} {} {} `{}` {:?}",
            bytes(&by),
            bytes(&to),
            bytes(&terminal),
            bytes(&folder),
            bytes(&command),
            refused.map(|r| bytes(&r))
        ),
        Message::Console { accepted, user, terminal, from } => {
            format!("console {accepted} {} {} {}", bytes(&user), bytes(&terminal), place(&from))
        }
        Message::LogindNew { session, user } => format!("new {} {}", bytes(&session), bytes(&user)),
        Message::LogindRemoved { session } => format!("removed {}", bytes(&session)),
        Message::Account { what, name, detail } => format!("{what}: {{{}}} {}", bytes(&name), bytes(&detail)),
        Message::Cron { user, what, detail } => {
            format!("{} {} {}", bytes(&user), bytes(&what), bytes(&detail))
        }
        Message::Server { began } => format!("server {began}"),
        Message::NotKept(not_kept) => format!("{not_kept:?}"),
        Message::Shed => "shed".into(),
        Message::Ambiguous { .. } => "ambiguous".into(),
        Message::Other { .. } => "other".into(),
    }
}

fn all(tag: &str, cases: &[(&str, &str)]) {
    for (message, wanted) in cases {
        assert_eq!(&shown(tag, message), wanted, "{message}");
    }
}

#[test]
fn sshd_of_openssh_9_2() {
    all(
        "sshd",
        &[
            (
                "Accepted password for alice from 127.0.0.1 port 35652 ssh2",
                "Accepted password {alice} false 127.0.0.1:35652",
            ),
            (
                "Postponed keyboard-interactive for invalid user mallory from 127.0.0.1 port 47376 ssh2 [preauth]",
                "Postponed keyboard-interactive {mallory} true 127.0.0.1:47376",
            ),
            (
                "Accepted publickey for alice from 127.0.0.1 port 37304 ssh2: ED25519-CERT SHA256:3j5y ID ward 7 laptop (serial 42) CA ED25519 SHA256:t64M",
                "Accepted publickey {alice} false 127.0.0.1:37304 [ED25519-CERT SHA256:3j5y ID ward 7 laptop (serial 42) CA ED25519 SHA256:t64M]",
            ),
            ("Accepted key ED25519 SHA256:7VgD found at /home/alice/.ssh/authorized_keys:1", "other"),
            ("Invalid user mallory from 127.0.0.1 port 47376", "unknown {mallory} 127.0.0.1:47376"),
            ("Invalid user  from 127.0.0.1 port 37338", "unknown {} 127.0.0.1:37338"),
            (
                "error: PAM: Authentication failure for illegal user mallory from 127.0.0.1",
                "Authentication failure {mallory} true 127.0.0.1:",
            ),
            (
                "User bob from 127.0.0.1 not allowed because listed in DenyUsers",
                "not {bob} 127.0.0.1: listed in DenyUsers",
            ),
            (
                "Starting session: command on pts/0 for alice from 127.0.0.1 port 35638 id 0",
                "command Some(\"pts/0\") {alice} 127.0.0.1:35638",
            ),
            (
                "Starting session: subsystem 'sftp' for alice from 127.0.0.1 port 37318 id 0",
                "subsystem 'sftp' None {alice} 127.0.0.1:37318",
            ),
            (
                "Received disconnect from 127.0.0.1 port 35622:11: disconnected by user",
                "Received disconnect from {} None 127.0.0.1:35622",
            ),
            (
                "Disconnected from user alice 127.0.0.1 port 35622",
                "Disconnected from {alice} Some(true) 127.0.0.1:35622",
            ),
            (
                "Connection closed by invalid user  127.0.0.1 port 37338 [preauth]",
                "Connection closed by {} Some(false) 127.0.0.1:37338",
            ),
            ("Connection reset by 127.0.0.1 port 40646", "Connection reset by {} None 127.0.0.1:40646"),
            ("Close session: user alice from 127.0.0.1 port 37318 id 0", "channel {alice} 127.0.0.1:37318"),
            ("Server listening on 127.0.0.1 port 2299.", "server true"),
            ("Received signal 15; terminating.", "server false"),
            ("User child is on pid 278", "other"),
        ],
    );
}

/// Written from documentation: auth.c, auth2.c, packet.c and session.c of OpenSSH, several versions.
#[test]
fn sshd_of_other_versions() {
    all(
        "sshd-session",
        &[
            (
                "Accepted publickey for root from fe80::1%eth0 port 9 ssh2: RSA aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99",
                "Accepted publickey {root} false fe80::1%eth0:9 [RSA aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99 ]",
            ),
            (
                "Partial publickey for alice from 10.0.0.1 port 9 ssh2: ED25519 SHA256:x",
                "Partial publickey {alice} false 10.0.0.1:9 [ED25519 SHA256:x ]",
            ),
            ("Illegal user bob from 10.0.0.1", "unknown {bob} 10.0.0.1:"),
            ("Invalid user from 10.0.0.1", "unknown {} 10.0.0.1:"),
            ("input_userauth_request: invalid user bob [preauth]", "unknown {bob} :"),
            ("ROOT LOGIN REFUSED FROM 10.0.0.1 port 9", "not {root} 10.0.0.1:9 ROOT LOGIN REFUSED"),
            (
                "error: maximum authentication attempts exceeded for invalid user x y from 10.0.0.1 port 9 ssh2 [preauth]",
                "many {x y} 10.0.0.1:9",
            ),
            (
                "Disconnecting authenticating user root 10.0.0.1 port 9: Too many authentication failures [preauth]",
                "many {root} 10.0.0.1:9",
            ),
            (
                "Timeout before authentication for 10.0.0.1 port 9",
                "Timeout before authentication for {} None 10.0.0.1:9",
            ),
        ],
    );
    all(
        "sshd",
        &[
            ("drop connection #11 from [10.0.0.1]:9 on [10.0.0.2]:22 past MaxStartups", "shed"),
            ("error: beginning MaxStartups throttling", "shed"),
            (
                "Timeout before authentication for connection from 10.0.0.1 to 10.0.0.2, pid = 5",
                "Timeout before authentication for {} None 10.0.0.1:",
            ),
        ],
    );
}

/// The first three were typed as user names into OpenSSH 9.2.
#[test]
fn forged_names_name_nobody_or_themselves() {
    all(
        "sshd",
        &[
            (
                "Failed password for invalid user root from 10.0.0.1 port 22 ssh2 from 127.0.0.1 port 37324 ssh2",
                "Failed password {root from 10.0.0.1 port 22 ssh2} true 127.0.0.1:37324",
            ),
            (
                "Invalid user root from 10.0.0.1 port 22 ssh2 from 127.0.0.1 port 37324",
                "unknown {root from 10.0.0.1 port 22 ssh2} 127.0.0.1:37324",
            ),
            (
                "error: PAM: Authentication failure for illegal user x from 10.0.0.9 port 77 from 127.0.0.1",
                "Authentication failure {x from 10.0.0.9 port 77} true 127.0.0.1:",
            ),
            (
                "Failed password for invalid user root from 1.2.3.4 port 22 ssh2: RSA SHA256:x from 10.0.0.5 port 40001 ssh2",
                "Failed password {root from 1.2.3.4 port 22 ssh2: RSA SHA256:x} true 10.0.0.5:40001",
            ),
            (
                "Failed publickey for invalid user root from 10.0.0.1 port 22 ssh2: RSA SHA256:x from 127.0.0.1 port 9 ssh2: RSA SHA256:y",
                "ambiguous",
            ),
            (
                "Accepted publickey for alice from 127.0.0.1 port 9 ssh2: RSA-CERT SHA256:x ID k from 10.0.0.1 port 22 ssh2: RSA SHA256:z (serial 0) CA RSA SHA256:y",
                "ambiguous",
            ),
            (
                "Failed password for invalid user a from 10.0.0.1 port 1 ssh2: x from 127.0.0.1 port 9 ssh2",
                "Failed password {a from 10.0.0.1 port 1 ssh2: x} true 127.0.0.1:9",
            ),
            ("User a from 10.0.0.1 not allowed because x from 127.0.0.1 not allowed because y", "ambiguous"),
            (
                "Connection closed by invalid user b 10.0.0.1 port 1 127.0.0.1 port 9 [preauth]",
                "Connection closed by {b 10.0.0.1 port 1} Some(false) 127.0.0.1:9",
            ),
        ],
    );
}

#[test]
fn pam_of_any_service() {
    all(
        "sshd",
        &[
            (
                "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=127.0.0.1  user=alice",
                "unix sshd {alice} by {} 127.0.0.1: ssh 1",
            ),
            (
                "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=127.0.0.1 ",
                "unix sshd {} by {} 127.0.0.1: ssh 1",
            ),
            (
                "pam_unix(su:auth): authentication failure; logname= uid=1001 euid=0 tty= ruser=alice rhost=  user=root",
                "unix su {root} by {alice} :  1",
            ),
            (
                "pam_unix(sudo:session): session opened for user bob(uid=1002) by (uid=1001)",
                "sudo bob Some(1002) {} Some(1001)",
            ),
            ("pam_unix(su-l:session): session closed for user alice", "su-l closed alice"),
            ("pam_unix(sshd:auth): check pass; user unknown", "other"),
            ("pam_unix(chpasswd:chauthtok): password changed for alice", "password changed: {alice} "),
            // Written from documentation, from here on: Linux-PAM.
            (
                "PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.1  user=root",
                " sshd {root} by {} 10.0.0.1: ssh 2",
            ),
            ("PAM service(sshd) ignoring max retries; 6 > 3", "other"),
            (
                "pam_unix(cron:session): session opened for user root by alice(uid=0)",
                "cron root None {alice} Some(0)",
            ),
            (
                "pam_unix(sshd:account): account carol has expired (account expired)",
                "not {carol} : account carol has expired (account expired)",
            ),
            (
                "pam_unix(sshd:account): expired password for user carol (password aged)",
                "not {carol} : expired password for user carol (password aged)",
            ),
            (
                "pam_faillock(sshd:auth): Consecutive login failures for user alice account temporarily locked",
                "locked alice",
            ),
            ("pam_tally2(sshd:auth): user alice (1001) tally 6, deny 5", "locked alice"),
            (
                "pam_access(sshd:account): access denied for user `alice' from `10.0.0.1'",
                "not {alice} 10.0.0.1: access denied for user `alice' from `10.0.0.1'",
            ),
            (
                "pam_listfile(vsftpd:auth): Refused user root for service vsftpd",
                "not {root} : Refused user root for service vsftpd",
            ),
            (
                "pam_succeed_if(sshd:auth): requirement \"uid >= 1000\" not met by user \"root\"",
                "not {root} : requirement \"uid >= 1000\" not met by user \"root\"",
            ),
            (
                "pam_limits(sshd:session): Too many logins (max 2) for alice",
                "not {alice} : Too many logins (max 2) for alice",
            ),
            (
                "pam_sss(sshd:auth): authentication success; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.1 user=alice",
                "sshd right {alice} 10.0.0.1:",
            ),
            (
                "pam_sss(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.1 user=alice",
                "sss sshd {alice} by {} 10.0.0.1: ssh 1",
            ),
        ],
    );
    all(
        "su(pam_unix)",
        &[("session opened for user root by alice(uid=500)", "su root None {alice} Some(500)")],
    );
    assert!(
        understand(b"gdm-password]", b"pam_unix(gdm-password:session): session closed for user a").is_some()
    );
    assert_eq!(understand(b"nginx", b"hello"), None);
}

#[test]
fn a_secret_typed_as_a_name_is_suspected() {
    let known = |name: &[u8]| name == b"Admin01";
    for (name, wanted) in [
        ("Tr0ub4dor&3", true),
        ("hunter2hunter2", true),
        ("correct horse!", true),
        ("Hunter2", true),
        ("Admin01", false),
        ("alice", false),
        ("svc-backup2", false),
        ("web_01", false),
        ("pA1", false),
    ] {
        assert_eq!(maybe_secret(name.as_bytes(), &known), wanted, "{name}");
    }
}

#[test]
fn spoilt_messages_do_no_harm() {
    for tag in ["sshd", "sudo", "su", "doas", "pkexec", "login", "systemd-logind", "cron", "useradd", "x"] {
        for message in [
            "Accepted publickey for alice from 127.0.0.1 port 9 ssh2: RSA-CERT SHA256:x ID k (serial 0) CA RSA SHA256:y",
            "Disconnected from authenticating user root 10.0.0.1 port 9 [preauth]",
            "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=127.0.0.1  user=alice",
            "alice : HOST=h ; TTY=pts/0 ; PWD=/ ; USER=root ; GROUP=wheel ; TSID=000001 ; ENV=A=b ; COMMAND=li#012st",
        ] {
            Mishaps::of(message.as_bytes()).rounds(60).each(|bytes| drop(understand(tag.as_bytes(), bytes)));
        }
    }
}

/// A megabyte of marks, each of which could begin the rest: quadratic work would not end.
#[test]
fn many_marks_take_no_longer_than_other_bytes() {
    for (tag, head, mark) in [
        ("sshd", "Failed password for ", "x from 1 port 1 ssh2: "),
        ("sshd", "User ", " not allowed because"),
        ("sudo", "a : PWD=", " ; USER=x ; ENV="),
        ("doas", "a ran command ", " as root from "),
        ("cron", "(", "#012"),
    ] {
        let text = [head, &mark.repeat(1_000_000 / mark.len())].concat();
        assert!(understand(tag.as_bytes(), text.as_bytes()).is_some());
    }
}

/// Eight megabytes of readings none of which has a command behind it: to look for it from each takes minutes.
#[test]
fn a_command_is_not_looked_for_from_every_mark_of_a_line() {
    let began = std::time::Instant::now();
    let text = ["a : PWD=/ ; COMMAND=x", &" ; USER=x ; ENV=".repeat(500_000)].concat();
    assert!(matches!(understand(b"sudo", text.as_bytes()), Some(Message::Other { .. })));
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}
