//! Messages of programs other than sshd.

use super::all;

#[test]
fn sudo_of_1_9() {
    all(
        "sudo",
        &[
            (
                "   alice : PWD=/home/alice ; USER=bob ; COMMAND=/bin/ls -l /tmp",
                "Sudo {alice}>{bob}  /home/alice `/bin/ls -l /tmp` None",
            ),
            (
                "   alice : 1 incorrect password attempt ; PWD=/home/alice ; USER=root ; COMMAND=/bin/ls",
                "Sudo {alice}>{root}  /home/alice `/bin/ls` Some(\"1 incorrect password attempt\")",
            ),
            (
                "  nobody : user NOT in sudoers ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id",
                "Sudo {nobody}>{root}  /home/alice `/usr/bin/id` Some(\"user NOT in sudoers\")",
            ),
            (
                "     bob : PWD=/home/alice/x ; USER=root ; COMMAND=y ; USER=root ; COMMAND=/bin/true a 'b ; USER=mallory ; COMMAND=z'",
                "Sudo {bob}>{}   `(ambiguous) PWD=/home/alice/x ; USER=root ; COMMAND=y ; USER=root ; COMMAND=/bin/true a 'b ; USER=mallory ; COMMAND=z'` None",
            ),
            // Made up, this one and the next.
            (
                "   alice : user NOT in sudoers ; TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/cat /phi/all.db ; USER=a ; COMMAND=b",
                "Sudo {alice}>{} pts/0  `(ambiguous) PWD=/home/alice ; USER=root ; COMMAND=/bin/cat /phi/all.db ; USER=a ; COMMAND=b` Some(\"user NOT in sudoers\")",
            ),
            (
                "   alice : PWD=/ ; USER=root ; COMMAND=/bin/x ; USER=root ; COMMAND=b",
                "Sudo {alice}>{root}   `(ambiguous) PWD=/ ; USER=root ; COMMAND=/bin/x ; USER=root ; COMMAND=b` None",
            ),
            (
                "     bob : PWD=/ ; USER=root ; COMMAND=/bin/true two#012lines",
                "Sudo {bob}>{root}  / `/bin/true two\nlines` None",
            ),
            ("     bob : (command continued) aaaa", "other"),
            ("   alice : unable to resolve host web1: Temporary failure in name resolution", "other"),
            // Written from documentation: sudoers(5).
            (
                "alice : HOST=h ; TTY=pts/0 ; PWD=/ ; USER=root ; GROUP=wheel ; TSID=000001 ; ENV=A=b ; COMMAND=list",
                "Sudo {alice}>{root} pts/0 / `list` None",
            ),
            (
                "alice : command not allowed ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/x",
                "Sudo {alice}>{root} pts/0 / `/bin/x` Some(\"command not allowed\")",
            ),
        ],
    );
}

#[test]
fn su_doas_and_pkexec() {
    all(
        "su",
        &[
            ("(to alice) root on none", "Su {root}>{alice} none  `` None"),
            ("FAILED SU (to root) alice on none", "Su {alice}>{root} none  `` Some(\"FAILED\")"),
            // Written from documentation: shadow-utils.
            ("Successful su for root by alice", "Su {alice}>{root}   `` None"),
            ("FAILED su for root by alice", "Su {alice}>{root}   `` Some(\"FAILED\")"),
            ("+ /dev/pts/0 alice:root", "other"),
        ],
    );
    // Written from documentation: doas(1), pkexec(1).
    all(
        "doas",
        &[
            (
                "alice ran command ls -l as root from /home/alice",
                "Doas {alice}>{root}  /home/alice `ls -l` None",
            ),
            (
                "alice ran command x as bob from /y as root from /home/alice",
                "Doas {alice}>{}   `(ambiguous) x as bob from /y as root from /home/alice` None",
            ),
            ("command not permitted for alice: rm", "Doas {alice}>{}   `rm` Some(\"command not permitted\")"),
            ("failed auth for alice", "Doas {alice}>{}   `` Some(\"failed auth\")"),
        ],
    );
    all(
        "pkexec",
        &[
            (
                "alice: Executing command [USER=root] [TTY=/dev/pts/0] [CWD=/home] [COMMAND=/bin/sh]",
                "Pkexec {alice}>{root} /dev/pts/0 /home `/bin/sh` None",
            ),
            (
                "alice: Error executing command as another user: Not authorized [USER=root] [TTY=unknown] [CWD=/] [COMMAND=/bin/sh]",
                "Pkexec {alice}>{root} unknown / `/bin/sh` Some(\"Error executing command as another user: Not authorized\")",
            ),
            (
                "alice: Executing command [USER=root] [TTY=x] [CWD=/a] [COMMAND=/b] [COMMAND=/bin/sh]",
                "Pkexec {alice}>{root} x  `(ambiguous) /a] [COMMAND=/b] [COMMAND=/bin/sh` None",
            ),
        ],
    );
}

#[test]
fn login_logind_and_cron() {
    all(
        "login",
        &[
            (
                "FAILED LOGIN (1) on '/dev/pts/0' FOR 'alice', Authentication failure",
                "console false alice /dev/pts/0 :",
            ),
            // Written from documentation: login of util-linux and shadow, systemd-logind, cron.
            (
                "FAILED LOGIN 1 FROM 10.0.0.1 FOR alice, Authentication failure",
                "console false alice  10.0.0.1:",
            ),
            ("LOGIN ON tty1 BY alice FROM 10.0.0.1", "console true alice tty1 10.0.0.1:"),
            ("ROOT LOGIN ON tty1", "console true root tty1 :"),
            ("ROOT LOGIN  on '/dev/tty1' from 'h'", "console true root /dev/tty1 h:"),
        ],
    );
    all(
        "systemd-logind",
        &[
            ("New session 2 of user alice.", "new 2 alice"),
            ("New session 'c1' of user 'alice' with class 'user' and type 'tty'.", "new c1 alice"),
            ("Removed session 2.", "removed 2"),
            ("Session 2 logged out. Waiting for processes to exit.", "other"),
        ],
    );
    all(
        "/usr/sbin/cron",
        &[
            ("(root) CMD (  test -x (y))", "root CMD   test -x (y)"),
            ("(CRON) INFO (Running @reboot jobs)", "CRON INFO Running @reboot jobs"),
        ],
    );
}

#[test]
fn accounts_of_shadow_4_13() {
    all(
        "useradd",
        &[
            (
                "new user: name=alice, UID=1001, GID=1001, home=/home/alice, shell=/bin/bash, from=none",
                "new user: {alice} UID=1001, GID=1001, home=/home/alice, shell=/bin/bash, from=none",
            ),
            ("new group: name=alice, GID=1001", "new group: {alice} GID=1001"),
            ("group added to /etc/gshadow: name=nurses", "group added to file: {nurses} "),
            ("add 'alice' to shadow group 'nurses'", "add to group: {alice} to shadow group 'nurses'"),
            ("user bob added by root to group nurses", "add to group: {bob} added by root to group nurses"),
            (
                "user bob removed by root from group nurses",
                "delete from group: {bob} removed by root from group nurses",
            ),
            ("lock user 'bob' password", "lock password: {bob} password"),
            (
                "change user 'bob' home from '/home/bob' to '/home/bob2'",
                "change user: {bob} home from '/home/bob' to '/home/bob2'",
            ),
            ("change user name 'carol' to 'carla'", "user renamed: {carol} to 'carla'"),
            ("changed password expiry for bob", "password expiry changed: {bob} "),
            ("password for 'bob' changed by 'root'", "password changed: {bob} changed by 'root'"),
            ("changed user 'bob' shell to '/bin/bash'", "change user: {bob} shell to '/bin/bash'"),
            ("delete user 'carla'", "delete user: {carla} "),
            ("group 'nurses' removed from /etc/group", "removed group: {nurses} removed from /etc/group"),
            ("removed group 'bob' owned by 'bob'", "removed group: {bob} owned by 'bob'"),
            ("delete 'alice' from group 'nurses'", "delete from group: {alice} from group 'nurses'"),
        ],
    );
}
