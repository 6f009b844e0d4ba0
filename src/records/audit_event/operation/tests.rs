//! What a call did, on each processor, by its flags.

use super::*;

fn event(syscall: &str, paths: &[&str]) -> Event {
    let mut lines = vec![format!("type=SYSCALL msg=audit(1.0:1): {syscall}")];
    lines.extend(paths.iter().enumerate().map(|(at, path)| {
        format!("type=PATH msg=audit(1.0:1): item={at} name=\"/x\" inode=5 dev=08:01 {path}")
    }));
    let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    Event::of(&lines).unwrap()
}

fn told(syscall: &str, paths: &[&str]) -> (&'static str, &'static str, String) {
    let operation = of(&event(syscall, paths));
    (operation.op.word(), operation.outcome.word(), operation.flags)
}

const FILE: &str = "mode=0100640 nametype=NORMAL";
const DIRECTORY: &str = "mode=040755 nametype=NORMAL";
const MADE: &str = "mode=0100640 nametype=CREATE";

#[test]
fn an_opening_is_what_its_flags_and_its_names_say() {
    let openat = |flags: &str, paths: &[&str]| {
        told(
            &format!("arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7f a2={flags} a3=0"),
            paths,
        )
        .0
    };
    assert_eq!(openat("0", &[FILE]), "read");
    assert_eq!(openat("1", &[FILE]), "write");
    assert_eq!(openat("2", &[FILE]), "readwrite");
    assert_eq!(openat("401", &[FILE]), "append");
    assert_eq!(openat("241", &[FILE]), "truncate");
    assert_eq!(openat("241", &[MADE]), "create");
    assert_eq!(openat("200000", &[FILE]), "handle");
    assert_eq!(openat("90800", &[DIRECTORY]), "list");
    assert_eq!(openat("410002", &[DIRECTORY]), "create");
    assert_eq!(openat("3", &[FILE]), "other");
}

#[test]
fn each_processor_has_its_own_numbers_and_flags() {
    let opened = |arch: &str, call: u32, flags: &str| {
        let text = format!("arch={arch} syscall={call} success=yes exit=3 a0=ffffff9c a1=7f a2={flags}");
        told(&text, &[FILE]).2
    };
    assert_eq!(opened("c000003e", 257, "90000"), "O_RDONLY|O_CLOEXEC|O_DIRECTORY");
    assert_eq!(opened("c00000b7", 56, "4000"), "O_RDONLY|O_DIRECTORY");
    assert_eq!(opened("40000028", 322, "4000"), "O_RDONLY|O_DIRECTORY");
    assert_eq!(opened("c0000015", 286, "20000"), "O_RDONLY|O_DIRECT");
    assert_eq!(opened("80000016", 288, "10000"), "O_RDONLY|O_DIRECTORY");
    assert_eq!(opened("c00000f3", 56, "20000"), "O_RDONLY|O_NOFOLLOW");
    for (arch, call) in [
        ("c000003e", 87),
        ("c000003e", 263),
        ("40000003", 10),
        ("40000003", 301),
        ("c00000b7", 35),
        ("40000028", 328),
        ("80000016", 294),
        ("c0000015", 292),
        ("c0000102", 35),
        // x32
        ("c000003e", 0x4000_0000 + 263),
    ] {
        let text = format!("arch={arch} syscall={call} success=yes exit=0 a0=4 a1=7f a2=0");
        assert_eq!(told(&text, &[]).0, "delete", "{arch} {call}");
    }
    // 10 is mprotect on x86_64; a processor without a table has no names.
    assert_eq!(told("arch=c000003e syscall=10 success=yes exit=0", &[]).0, "other");
    assert_eq!(told("arch=8 syscall=10 success=yes exit=0", &[]).0, "other");
    assert_eq!(of(&event("arch=c000003e syscall=10 success=yes", &[])).call, Some("mprotect"));
    assert_eq!(told("arch=c000003e syscall=1073742344 success=yes exit=0", &[]).0, "exec", "x32 execve, 520");
}

#[test]
fn what_was_refused_is_told_from_what_failed() {
    let outcome = |end: &str| {
        let operation = of(&event(&format!("arch=c000003e syscall=87 {end}"), &[]));
        (operation.outcome.word(), operation.error())
    };
    assert_eq!(outcome("success=yes exit=0"), ("ok", None));
    assert_eq!(outcome("success=no exit=-13"), ("denied", Some("EACCES")));
    assert_eq!(outcome("success=no exit=-1"), ("denied", Some("EPERM")));
    assert_eq!(outcome("success=no exit=-30"), ("denied", Some("EROFS")));
    assert_eq!(outcome("success=no exit=-2"), ("failed", Some("ENOENT")));
    assert_eq!(outcome("success=no exit=-9223372036854775808"), ("failed", None));
    assert_eq!(outcome("a0=1"), ("unknown", None));
}

#[test]
fn a_directory_is_deleted_as_one_and_arguments_tell_the_rest() {
    assert_eq!(told("arch=c000003e syscall=263 success=yes a0=ffffff9c a2=200", &[]).0, "rmdir");
    assert_eq!(told("arch=c000003e syscall=90 success=yes a0=0 a1=81a4", &[]).2, "mode 0644");
    assert_eq!(
        told("arch=c000003e syscall=260 success=yes a0=ffffff9c a1=0 a2=3e8 a3=ffffffff", &[]).2,
        "owner 1000:same"
    );
    assert_eq!(told("arch=c000003e syscall=285 success=yes a0=3 a1=3", &[]).2, "PUNCH_HOLE");
}

#[test]
fn openat2_and_io_uring_tell_what_they_tell() {
    let event = Event::of(&[
        b"type=SYSCALL msg=audit(1.0:1): arch=c000003e syscall=437 success=yes exit=3 a0=ffffff9c a2=7ffc",
        b"type=OPENAT2 msg=audit(1.0:1): oflag=02000002 mode=00 resolve=0x8",
    ])
    .unwrap();
    let operation = of(&event);
    assert_eq!((operation.op, operation.flags.as_str()), (Op::ReadWrite, "O_RDWR|O_CLOEXEC"));
    let event =
        Event::of(&[b"type=URINGOP msg=audit(1.0:1): uring_op=36 success=yes exit=0 items=2 pid=7 uid=0"])
            .unwrap();
    let operation = of(&event);
    assert_eq!(
        (operation.op, operation.call, operation.begins),
        (Op::Delete, Some("io_uring unlinkat"), None)
    );
}

#[test]
fn every_operation_has_words_and_none_says_more_than_was_logged() {
    for op in Op::ALL {
        assert_eq!(Op::of_word(op.word()), Some(op));
        for never in ["copied", "viewed", "exfiltrated"] {
            assert!(!op.spoken().contains(never));
        }
    }
}
