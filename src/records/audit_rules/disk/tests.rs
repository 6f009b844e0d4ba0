//! Lines compiled, beside what auditctl listed for them.

use super::super::syscalls::X86_64;
use super::*;
use crate::records::mishaps::Mishaps;

fn names() -> Names {
    Names {
        machine: Some(X86_64),
        users: BTreeMap::from([(b"alice".to_vec(), 1001)]),
        groups: BTreeMap::new(),
    }
}

/// What `auditctl -l` of audit 3.0.9 printed for each line, on Linux 6.18, x86_64.
const LISTED: [(&str, &str); 16] = [
    ("-w /etc/passwd -p wa -k identity", "-w /etc/passwd -p wa -k identity"),
    ("-w /root/ -p r", "-w /root -p r"),
    ("-w /root/.ssh", "-w /root/.ssh -p rwxa"),
    ("-a always,exit -F path=/etc/shadow -F perm=wa -F key=sh", "-w /etc/shadow -p wa -k sh"),
    (
        "-a always,exit -F arch=b64 -S openat,open -F dir=/srv -F perm=r -F auid>=1000 -F auid!=-1 -F key=records -F key=both",
        "-a always,exit -F arch=b64 -S open,openat -F dir=/srv -F perm=r -F auid>=1000 -F auid!=-1 -F key=records -F key=both",
    ),
    (
        "-a exit,always -F arch=b32 -S open -S openat -F exit=-EACCES -k acc",
        "-a always,exit -F arch=b32 -S open,openat -F exit=-EACCES -F key=acc",
    ),
    (
        "-a always,exit -F arch=b64 -S execve -F euid=0 -C uid!=euid -F key=root_cmd",
        "-a always,exit -F arch=b64 -S execve -F euid=0 -C uid!=euid -F key=root_cmd",
    ),
    ("-a always,exclude -F msgtype=1300", "-a always,exclude -F msgtype=SYSCALL"),
    ("-a never,filesystem -F fstype=tracefs", "-a never,filesystem -F fstype=tracefs"),
    ("-a never,task", "-a never,task"),
    ("-a always,user -F uid=33", "-a always,user -F uid=33"),
    (
        "-a always,exit -F arch=b64 -S mount -F a1=0x20 -F a2&2 -F key=m",
        "-a always,exit -F arch=b64 -S mount -F a1=0x20 -F a2&0x2 -F key=m",
    ),
    (
        "-a always,exit -F path=/usr/bin/sudo -F perm=x -F auid>=1000 -F key=priv",
        "-a always,exit -S all -F path=/usr/bin/sudo -F perm=x -F auid>=1000 -F key=priv",
    ),
    (
        "-a always,exit -F arch=b64 -S openat -F filetype=socket -F inode=5 -F devmajor=0x8 -F devminor=1",
        "-a always,exit -F arch=b64 -S openat -F filetype=49152 -F inode=5 -F devmajor=8 -F devminor=1",
    ),
    ("-a always,exit -F arch=b64 -S 17,18,262,450,9999999999", ""),
    ("-a always,exit -S write -F auid!=unset", "-a always,exit -S write -F auid!=-1"),
];

#[test]
fn lines_compile_to_what_auditctl_lists() {
    for (written, listed) in LISTED {
        let line = &compile(written.as_bytes(), &names())[0];
        match &line.meaning {
            Meaning::Rule(rule) => {
                assert_eq!(String::from_utf8(rule.canonical_text(Some(X86_64))).unwrap(), listed);
                let again = &compile(listed.as_bytes(), &names())[0];
                let Meaning::Rule(again) = &again.meaning else { panic!("{listed}") };
                assert!(rule.is(&again.rule().canonical()), "{written}");
            }
            other => assert!(listed.is_empty(), "{written}: {other:?}"),
        }
    }
}

#[test]
fn settings_are_read_and_what_is_not_known_says_why() {
    let lines = compile(
        b"# comment\n-D\n-b 8192\n--backlog_wait_time 60000\n-e 2\n-a always,exit -S nonesuch\n-q a,b\n-w\n\
          -a always,exit -F auid=alice -S read\n-a always,exit -F auid=nobodyknows -S read\n-D -k x\n-Spwa\n-\xff\n",
        &names(),
    );
    let said: Vec<&Meaning> = lines.iter().map(|line| &line.meaning).collect();
    assert_eq!(said[..2], [&Meaning::DeleteAll, &Meaning::Control("backlog_limit", "8192".into())]);
    assert_eq!(said[3], &Meaning::Control("enabled", "2".into()));
    assert!(matches!(said[7], Meaning::Rule(_)));
    for at in [4, 5, 6, 8, 9, 10, 11] {
        assert!(matches!(said[at], Meaning::Unknown(_)), "{at}: {:?}", said[at]);
    }
    assert_eq!(lines[0].number, 2);
}

#[test]
fn a_watch_is_the_loaded_one_of_a_name_or_of_a_tree() {
    let written = &compile(b"-w /srv/phi -p rwxa -k phi", &names())[0];
    let Meaning::Rule(written) = &written.meaning else { panic!() };
    for (line, same) in [
        ("-a always,exit -F dir=/srv/phi -F perm=rwxa -F key=phi", true),
        ("-a always,exit -F key=phi -F path=/srv/phi -F perm=rwxa", true),
        ("-a always,exit -F dir=/srv/phi -F perm=rwa -F key=phi", false),
        ("-a always,exit -F dir=/srv/phi -F perm=rwxa -F key=other", false),
    ] {
        let Meaning::Rule(loaded) = &compile(line.as_bytes(), &names())[0].meaning else { panic!() };
        assert_eq!(written.is(&loaded.rule().canonical()), same, "{line}");
    }
}

#[test]
fn odd_lines_do_not_make_it_panic() {
    let whole = LISTED.map(|(line, _)| line).join("\n");
    Mishaps::of(whole.as_bytes()).rounds(1_250).each(|bad| drop(compile(bad, &names())));
    for odd in [
        "-F", "-F =", "-F auid", "-F !=", "-F auid>", "-w /", "-w ////", "-F key", "- -", "--", "--=",
        "-F a0=+1",
    ] {
        compile(odd.as_bytes(), &names());
    }
}
