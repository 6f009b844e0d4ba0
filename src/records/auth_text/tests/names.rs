//! Names that sshd writes in another way than PAM does.

use super::all;

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
