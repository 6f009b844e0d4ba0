//! Our reading of TCP and UDP beside another program's, for our own network namespace.

use super::answers::Answers;
use super::gather::{Gathered, Listed};
use crate::collector::run::Run;
use crate::host::cross_view::{SecondView, Sighting};
use crate::host::netlink::Subsystem;
use crate::host::netns::NetworkScan;
use crate::intake::Halt;
use crate::records::sock_diag::{Question, questions};
use crate::records::sockets::{BOUND_INACTIVE, End, Protocol, Socket};

/// What came of it.
#[derive(Default)]
pub struct CrossView {
    /// `agrees`, `differs`, or why there was no comparison.
    pub word: String,
    /// What one reader sees and the other does not, twice; and whether it is ours that sees it.
    pub disagreements: Vec<(Sighting, bool)>,
}

/// Compares with `theirs`, a look that began with ours, and compares again what differs: sockets come and go between two readings.
pub fn compare(
    run: &mut Run<'_, '_>,
    answers: &mut Answers,
    scan: &NetworkScan,
    gathered: &Gathered,
    theirs: SecondView<'_>,
) -> Result<CrossView, Halt> {
    let not = |word: &str| CrossView { word: word.into(), disagreements: Vec::new() };
    let Some(own) = scan.namespaces.first().filter(|namespace| namespace.own) else {
        return Ok(not("our own network namespace was not found"));
    };
    if !is_comparable(gathered) {
        return Ok(not("not every table of TCP and UDP is whole"));
    }
    let ours = sighted(
        gathered.listed.iter().filter(|listed| is_of_own_tables(listed)).map(|listed| &listed.socket),
    );
    let first = match theirs.sightings() {
        Ok(theirs) => differences(ours, theirs),
        Err(words) => return Ok(not(&words)),
    };
    if first.is_empty() {
        return Ok(not("agrees"));
    }
    let Ok(netlink) = run.host.netlink(Subsystem::SockDiag, Some(own)) else {
        return Ok(not("the kernel could not be asked again"));
    };
    let (theirs, mut again) = (run.host.second_view(), Vec::new());
    for question in questions().into_iter().filter(is_compared) {
        answers.ask(run, own.inode, &netlink, question, |socket| again.push(socket))?;
    }
    let second = match theirs.sightings() {
        Ok(theirs) => differences(sighted(again.iter()), theirs),
        Err(words) => return Ok(not(&words)),
    };
    let disagreements: Vec<_> =
        first.into_iter().filter(|difference| second.binary_search(difference).is_ok()).collect();
    let word = if disagreements.is_empty() { "agrees" } else { "differs" };
    Ok(CrossView { word: word.into(), disagreements })
}

fn is_compared(question: &Question) -> bool {
    matches!(question.protocol, Some(Protocol::Tcp | Protocol::Udp))
}

fn is_comparable(gathered: &Gathered) -> bool {
    let Some(own) = gathered.asked.first() else { return false };
    let compared = own.dumps.iter().filter(|dump| is_compared(&dump.question));
    // IPv6 may be switched off; TCP and UDP of IPv4 are there.
    let whole = compared.clone().all(|dump| dump.is_whole() && dump.instead.is_none());
    whole && compared.count() > 0
}

fn is_of_own_tables(listed: &Listed) -> bool {
    listed.namespace == 0 && !listed.from_text
}

fn sighted<'s>(sockets: impl Iterator<Item = &'s Socket>) -> Vec<Sighting> {
    sockets.filter_map(sighting).collect()
}

fn sighting(socket: &Socket) -> Option<Sighting> {
    let protocol = socket.protocol.filter(|protocol| matches!(protocol, Protocol::Tcp | Protocol::Udp))?;
    let Some(End::Ip(address, port)) = socket.local else { return None };
    let unspecified = if address.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let remote = match socket.remote {
        Some(End::Ip(address, port)) => (address, port),
        _ => (unspecified, 0),
    };
    // What is bound and not in use the other reader does not ask for.
    (socket.inode != 0 && socket.state != Some(BOUND_INACTIVE)).then(|| Sighting {
        protocol,
        local: (address, port),
        remote: (protocol == Protocol::Tcp).then_some(remote),
        inode: socket.inode,
    })
}

/// What only one of the two holds, sorted; true where it is the first.
fn differences(mut ours: Vec<Sighting>, mut theirs: Vec<Sighting>) -> Vec<(Sighting, bool)> {
    ours.sort_unstable();
    theirs.sort_unstable();
    let only = |some: &[Sighting], others: &[Sighting], is_ours| {
        let missing = some.iter().filter(|sighting| others.binary_search(sighting).is_err());
        missing.map(|sighting| (sighting.clone(), is_ours)).collect::<Vec<_>>()
    };
    let mut differences = only(&ours, &theirs, true);
    differences.extend(only(&theirs, &ours, false));
    differences.sort_unstable();
    differences.dedup();
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_one_side_alone_sees_differs() {
        let sighting = |inode| Sighting {
            protocol: Protocol::Udp,
            local: ("127.0.0.1".parse().unwrap(), 53),
            remote: None,
            inode,
        };
        let found = differences(vec![sighting(3), sighting(1)], vec![sighting(1), sighting(2), sighting(2)]);
        assert_eq!(found, [(sighting(2), false), (sighting(3), true)]);
    }
}
