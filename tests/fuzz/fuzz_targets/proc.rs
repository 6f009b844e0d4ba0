#![no_main]
//! Any bytes as the files of /proc.

use libfuzzer_sys::fuzz_target;
use phi_ir::records::process::{self, Status, figures, maps, target};
use phi_ir::records::{cgroup, interfaces, modules, proc_net, rtnetlink, sock_diag};

fuzz_target!(|bytes: &[u8]| {
    let _ = (process::parse_stat(bytes), process::status_field(bytes, "CapEff"));
    let status = Status::of(bytes);
    let _ = (status.numbers("Uid"), status.mask("CapEff"), status.number("VmRSS"));
    let sum = maps::summary(bytes);
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count() as u64;
    assert_eq!(sum.mappings + sum.unread, lines, "a line is a mapping, or is counted");
    let _ = (figures::limit(bytes, "Max open files"), figures::io(bytes, "rchar"), figures::audit_id(bytes));
    let _ = (figures::arguments(bytes), figures::namespace(bytes), figures::hidepid(bytes));
    let _ = (figures::last_number(bytes), figures::threads_in_all(bytes), target::sort(bytes));
    let _ = (cgroup::unit(bytes), cgroup::container(bytes), cgroup::path(bytes));
    let _ = (proc_net::protocols(bytes), interfaces::names(bytes).count());
    let _ = modules::loaded_between(bytes, bytes);
    for question in sock_diag::questions() {
        let _ = proc_net::sockets(question, bytes).count();
    }
    let groups = [rtnetlink::multicast::link_groups, rtnetlink::multicast::inet_groups, rtnetlink::multicast::inet6_groups];
    for read in groups {
        let _ = read(bytes);
    }
});
