//! Nothing at or below a PHI folder is opened, and no link there is read, before the audit logs are sealed: a watch records
//! both, `O_PATH` or not, and what is recorded pushes out what was to be sealed. strace tells the same as audit would,
//! without it.

use std::path::Path;

use crate::support::{Desk, FakeHost, PHI_IR, skipped, tool};

/// What a traced run opened or read as a link, in order, with whole paths: `-y` writes the path of every descriptor.
fn opened(trace: &str, root: &Path) -> Vec<String> {
    let root = root.to_str().unwrap();
    let whole_path = |line: &str| {
        let (_, arguments) = line.split_once('(')?;
        let (at, rest) = arguments.split_once('"')?;
        let (name, rest) = rest.split_once('"')?;
        let folder =
            at.split_once('<').and_then(|(_, path)| path.split_once('>')).map_or("", |(path, _)| path);
        // What is opened again through /proc is told by the descriptor that came of it.
        let result = rest.rsplit_once('<').and_then(|(_, path)| path.split_once('>')).map(|(path, _)| path);
        Some(match (name.starts_with("/proc/self/fd/"), name.starts_with('/')) {
            (true, _) => result.unwrap_or_default().to_owned(),
            (_, true) => name.to_owned(),
            _ => format!("{folder}/{name}"),
        })
    };
    let calls = trace.lines().filter(|line| !line.contains("resumed>"));
    calls.filter_map(whole_path).filter_map(|path| path.strip_prefix(root).map(str::to_owned)).collect()
}

#[test]
fn nothing_of_a_phi_folder_is_opened_before_the_audit_logs_are_sealed() {
    let host = FakeHost::small()
        .file("/var/data/phi/deeper/still/c.txt", "made up")
        .link("/srv/phi", "/var/data/phi");
    let desk = Desk::new();
    let (trace, out) = (desk.path("trace"), desk.out());
    let args = [
        "-f",
        "-y",
        "-s",
        "4096",
        "-e",
        "trace=open,openat,openat2,readlink,readlinkat,listxattr,llistxattr,flistxattr,getxattr,lgetxattr,fgetxattr",
        "-o",
        trace.to_str().unwrap(),
        PHI_IR,
        "collect",
        "--quiet",
        "--json",
        "--no-tools",
        "--profile",
        "incident",
        "--phi",
        "/srv/phi",
        "--root",
        host.path().to_str().unwrap(),
        "-r",
        &desk.recipient,
        "-o",
        out.to_str().unwrap(),
    ];
    let ran = tool("strace", &args.map(std::ffi::OsStr::new));
    if ran.stderr.contains("ptrace") {
        return skipped(&format!("nothing can be traced here: {}", ran.stderr));
    }
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
    let paths = opened(&std::fs::read_to_string(&trace).unwrap(), host.path());
    let is_phi = |path: &String| path == "/var/data/phi" || path.starts_with("/var/data/phi/");
    let sealed = paths.iter().rposition(|path| path == "/var/log/audit/audit.log");
    let sealed = sealed.expect("the trace shows the audit log");
    let early: Vec<&String> = paths[..sealed].iter().filter(|path| is_phi(path)).collect();
    assert!(early.is_empty(), "opened before the audit logs were sealed: {early:#?}");
    // The other side: the trace would have shown it.
    assert!(paths[sealed..].iter().any(is_phi), "{paths:#?}");
    assert!(paths[..sealed].iter().any(|path| path == "/srv/phi"), "the link itself is read: {paths:#?}");
}
