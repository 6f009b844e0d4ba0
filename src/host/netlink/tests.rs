//! Tests of questions and answers over netlink.

use super::*;

#[test]
fn an_answer_that_is_not_whole_never_looks_like_an_empty_table() {
    let done = |code: i32, flags: u16| request(DONE, flags, 7, &code.to_ne_bytes());
    let mut interrupted = false;
    assert_eq!(judge(&done(0, 0), 7, None, &mut interrupted), (true, Some(Ending::Done)));
    assert!(!interrupted);
    let refused = judge(&done(-2, 0), 7, None, &mut interrupted).1.unwrap();
    assert_eq!(refused, Ending::Refused(Errno::NOENT));
    judge(&done(0, DUMP_INTERRUPTED), 7, None, &mut interrupted);
    assert!(interrupted);
    assert_eq!(judge(&done(0, 0), 8, None, &mut interrupted), (false, None), "an answer to another question");
    let refusal = request(ERROR, 0, 7, &(-1_i32).to_ne_bytes());
    assert_eq!(judge(&refusal, 7, None, &mut interrupted).1, Some(Ending::Refused(Errno::PERM)));
    assert_eq!(judge(b"torn", 7, None, &mut interrupted).1, Some(Ending::Malformed));
    for ending in
        [refused, Ending::Interrupted, Ending::Overrun, Ending::TooLong(1), Ending::Silent, Ending::Malformed]
    {
        let answer = Answer { datagrams: Vec::new(), attempts: 5, ending };
        let (outcome, _) = answer.verdict("sockets").unwrap();
        assert!(outcome.is_gap() && !answer.is_whole());
    }
}

#[test]
fn the_loopback_link_is_in_the_kernel_s_table_of_links() {
    let host = Host::live(&[]).unwrap();
    let netlink = host.netlink(Subsystem::Route, None).unwrap();
    // RTM_GETLINK, with an empty struct ifinfomsg.
    let answer = netlink.dump(18, &[0; 16]);
    assert!(answer.is_whole(), "{answer:?}");
    assert!(answer.datagrams.iter().any(|datagram| datagram.windows(3).any(|part| part == b"lo\0")));
    // A table that no kernel has.
    assert!(!netlink.dump(0xfff, &[0; 16]).is_whole());
}

/// The links are too many for one datagram once a part of them is left unread: the next question must be answered.
#[test]
fn an_answer_that_is_given_up_does_not_cost_the_next_one() {
    let host = Host::live(&[]).unwrap();
    let netlink = host.netlink(Subsystem::SockDiag, None).unwrap();
    // SOCK_DIAG_BY_FAMILY, UNIX sockets in every state.
    let body: Vec<u8> = [&[1, 0, 0, 0][..], &[0xff; 4], &[0; 16]].concat();
    let kept: Vec<_> = (0..2000).map(|_| std::os::unix::net::UnixDatagram::unbound().unwrap()).collect();
    let given_up = netlink.dump_up_to(20, &body, 1);
    assert_eq!(given_up.ending, Ending::TooLong(1));
    assert_eq!(given_up.verdict("sockets").unwrap().0, Outcome::Truncated);
    assert!(netlink.dump(20, &body).is_whole());
    assert_eq!(netlink.inodes().len(), 2, "both of our own sockets are known");
    drop(kept);
}
