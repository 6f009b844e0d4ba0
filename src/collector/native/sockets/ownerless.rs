//! Sockets that listen while no process was seen to hold them. The kernel's own services (NFS and others) are like that by
//! nature, so that it is no finding; but so is one that a thread holds in a table of its own, and one whose process is hidden.

use std::collections::HashSet;

use super::gather::{Gathered, Listed};
use crate::collector::run::Run;
use crate::custody::outcome::counted;
use crate::host::netns::NetworkScan;
use crate::host::sockets::holders::{Held, Holders};

/// What a second look for their holders gave.
#[derive(Default)]
pub struct Ownerless {
    /// Who was found.
    pub found: Vec<Held>,
    /// Listeners that nobody was found to hold.
    pub listeners: HashSet<u64>,
    /// The second look was not whole.
    pub cut: Option<String>,
}

/// Looks once more for the holders of sockets that nobody holds, threads included, if one of them listens.
pub fn search(run: &Run<'_, '_>, scan: &NetworkScan, gathered: &Gathered) -> Ownerless {
    let without: Vec<&Listed> = gathered.listed.iter().filter(|listed| is_without(listed, scan)).collect();
    let mut ownerless = Ownerless::default();
    ownerless
        .listeners
        .extend(without.iter().filter(|listed| listed.socket.listens()).map(|listed| listed.socket.inode));
    if ownerless.listeners.is_empty() {
        return ownerless;
    }
    match run.host.holders_of(without.iter().map(|listed| listed.socket.inode).collect(), scan) {
        Ok(Holders { found, unseen }) => {
            ownerless.cut =
                (unseen > 0).then(|| format!("{} not looked at to the end", counted(unseen, "process")));
            ownerless.found = found;
        }
        Err(trouble) => ownerless.cut = Some(trouble.to_string()),
    }
    for held in &ownerless.found {
        ownerless.listeners.remove(&held.inode);
    }
    ownerless
}

/// One without a number belongs to nobody by nature: it is not accepted yet, or waits for its last packets.
fn is_without(listed: &Listed, scan: &NetworkScan) -> bool {
    let inode = listed.socket.inode;
    // Sorted by it.
    inode != 0 && scan.sockets.binary_search_by_key(&inode, |held| held.inode).is_err()
}

impl Ownerless {
    /// What to remark of them, if there are any.
    pub fn remark(&self, scan: &NetworkScan) -> Option<String> {
        let count = self.listeners.len() as u64;
        let (listens, it) = if count == 1 { ("listens", "it") } else { ("listen", "them") };
        let mut remark = format!(
            "{} {listens}, and no process or thread that was seen holds {it} (owner_unknown): services of the kernel's own \
             are such, sockets on their way from one process to another, and those of a process that is hidden",
            counted(count, "socket")
        );
        if !scan.unseen.is_empty() {
            let unseen = counted(scan.unseen.len() as u64, "process");
            remark.push_str(&format!("; {unseen} did not show descriptors"));
        }
        if let Some(cut) = &self.cut {
            remark.push_str(&format!("; the second look was not whole: {cut}"));
        }
        (count > 0).then_some(remark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remarked_is_said_in_the_right_number_and_only_if_it_is_so() {
        let scan = NetworkScan::default();
        assert_eq!(Ownerless::default().remark(&scan), None);
        let one = Ownerless { listeners: HashSet::from([7]), ..Ownerless::default() };
        let words = one.remark(&scan).unwrap();
        assert!(
            words.starts_with("1 socket listens, and no") && words.ends_with("that is hidden"),
            "{words}"
        );
        let two =
            Ownerless { listeners: HashSet::from([7, 8]), cut: Some("x".into()), ..Ownerless::default() };
        let words = two.remark(&scan).unwrap();
        assert!(words.starts_with("2 sockets listen,") && words.ends_with("not whole: x"), "{words}");
    }
}
