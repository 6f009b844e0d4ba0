//! Names that sshd writes in another way than PAM does.

use super::*;

/// Written from documentation (OpenSSH, log.c: `LOG_SYSLOG_VIS`); the lines in which a name is written twice are of 9.2.
#[test]
fn a_name_of_sshd_is_that_of_pam_whatever_bytes_it_has() {
    all(
        "sshd",
        &[
            (
                r"Accepted password for CORP\\alice from 10.0.0.5 port 9 ssh2",
                r"Accepted password {CORP\alice} false 10.0.0.5:9",
            ),
            (r"Invalid user CORP\\j\303\274rgen from 127.0.0.1 port 9", r"unknown {CORP\jürgen} 127.0.0.1:9"),
            (
                r"Connection closed by invalid user CORP\\\\j\\303\\274rgen 127.0.0.1 port 9 [preauth]",
                r"Connection closed by {CORP\jürgen} Some(false) 127.0.0.1:9",
            ),
            (
                r"error: PAM: Authentication failure for CORP\\alice from 10.0.0.5",
                r"Authentication failure {CORP\alice} false 10.0.0.5:",
            ),
            (
                r"Disconnected from user CORP\\alice 10.0.0.5 port 9",
                r"Disconnected from {CORP\alice} Some(true) 10.0.0.5:9",
            ),
            // An old sshd, or another program, that writes names as they are.
            (
                r"Accepted password for CORP\jim from 10.0.0.5 port 9 ssh2",
                r"Accepted password {CORP\jim} false 10.0.0.5:9",
            ),
            (r"pam_unix(sshd:session): session closed for user CORP\alice", r"sshd closed CORP\alice"),
        ],
    );
}

/// Written from documentation (OpenSSH, log.c): sshd writes an escape for such a byte, never the byte itself.
#[test]
fn a_name_with_a_raw_control_byte_is_none_that_sshd_wrote() {
    for message in [
        "Accepted password for al\0\0h sshd[2]: Accepted password for root from 192.0.2.1 port 8 ssh2",
        "Failed password for invalid user a\tb from 192.0.2.1 port 8 ssh2",
        "Invalid user a\x1bb from 192.0.2.1 port 8",
        "Disconnected from user a\x7fb 192.0.2.1 port 8",
    ] {
        assert_eq!(shown("sshd", message), "other", "{message:?}");
    }
}

/// Written from documentation (Linux-PAM, pam_strerror.c; OpenSSH, auth-pam.c).
#[test]
fn reasons_of_pam_that_hold_the_word_for_are_no_part_of_a_name() {
    for (reason, who, wanted) in [
        ("Have exhausted maximum number of retries for service", "alice", "{alice} false"),
        ("Have exhausted maximum number of retries for service", "illegal user bob", "{bob} true"),
        ("Cannot make/remove an entry for the specified session", "alice", "{alice} false"),
        ("User not known to the underlying authentication module", "illegal user bob", "{bob} true"),
        ("Authentication service cannot retrieve authentication info", "alice", "{alice} false"),
        // A name, and no reason, that ends so.
        ("Authentication failure", "illegal user retries for service", "{retries for service} true"),
    ] {
        let message = format!("error: PAM: {reason} for {who} from 192.0.2.7");
        assert_eq!(shown("sshd", &message), format!("{reason} {wanted} 192.0.2.7:"), "{message}");
    }
}
