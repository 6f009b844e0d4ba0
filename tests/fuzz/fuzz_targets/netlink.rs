#![no_main]
//! Any bytes as the kernel's answers: over netlink, and from getsockopt(2).

use libfuzzer_sys::fuzz_target;
use phi_ir::records::nftables::{expression, render};
use phi_ir::records::{attributes, audit_rules, audit_status, iptables, netlink, nftables, rtnetlink, sock_diag, sockets};

fuzz_target!(|bytes: &[u8]| {
    of_audit(bytes);
    let _ = (attributes::row(&[], bytes), attributes::hardware(bytes), attributes::address(bytes));
    for question in sock_diag::questions() {
        for socket in question.sockets(bytes).flatten() {
            let _ = sockets::state_word(&socket);
            let _ = sockets::groups(socket.groups.as_deref().unwrap_or_default());
        }
    }
    for message in netlink::messages(bytes).flatten() {
        let _ = (rtnetlink::row(message.kind.saturating_add(2), &message), nftables::row(message.kind, message.payload));
    }
    for op in 0..24 {
        let _ = nftables::row(op, bytes);
    }
    for family in [iptables::Family::Ip, iptables::Family::Ip6, iptables::Family::Arp] {
        iptables::read(bytes, bytes, family, drop);
    }
    // The first byte chooses the family of a rule.
    if let Some((family, rest)) = bytes.split_first() {
        let (expressions, _) = expression::read(rest);
        let _ = render::rule(*family, &expressions, &Default::default(), &Default::default());
    }
});

fn of_audit(bytes: &[u8]) {
    let _ = (audit_status::parse(bytes), audit_status::parse_features(bytes));
    let machine = Some(audit_rules::syscalls::X86_64);
    if let Some(rule) = audit_rules::parse(bytes) {
        let _ = (rule.text(machine), rule.call_names(None), rule.canonical(), rule.watch());
    }
}
