//! What a log ought to have: the logins of its machines, of the times within its files.

use std::collections::BTreeMap;

use super::Session;
use super::kept::Kept;
use super::shared::may_be_one_machine;
use crate::records::auth_text::TimeQuality;

/// A machine that a log does not name has the name that others give to its logins. Of these some few may be of another
/// machine, where a process happened to have the same number at the same time: not more than one of so many.
const RARE: usize = 10;

/// Which logins a log ought to have.
#[derive(Debug)]
pub(super) struct Ought {
    kept: Kept,
    /// Its machines, by number; without a name where it names none.
    machines: Vec<Vec<u8>>,
    /// What the one may be called that it does not name; none if any name may be its.
    own: Option<Vec<Vec<u8>>>,
}

impl Ought {
    /// Of a log that was kept then, and speaks of these machines. `has` are logins that it has, and `others` those that
    /// it has not: the names that other logs give to both tell of which machine it is.
    pub(super) fn of<'s>(
        kept: Kept,
        machines: Vec<Vec<u8>>,
        has: impl Iterator<Item = &'s Session>,
        others: impl Iterator<Item = &'s Session>,
    ) -> Ought {
        let has = has.filter(|session| !machines.contains(&session.host));
        let own = own(has, others);
        Ought { kept, machines, own }
    }

    /// Whether it ought to have a login.
    pub(super) fn has(&self, session: &Session) -> bool {
        let Some(start) = session.start.filter(|_| session.quality == TimeQuality::Exact) else {
            return false;
        };
        let mut machines = (0..).zip(&self.machines);
        machines.any(|(number, name)| self.may_be(name, &session.host) && self.kept.covers(number, start))
    }

    fn may_be(&self, machine: &[u8], host: &[u8]) -> bool {
        let is_own = |own: &Vec<Vec<u8>>| own.iter().any(|name| may_be_one_machine(name, host));
        let is_unnamed = machine.is_empty() && !host.is_empty();
        if is_unnamed { self.own.as_ref().is_none_or(is_own) } else { may_be_one_machine(machine, host) }
    }
}

/// What the machine of a log is called by those that tell of its logins. Where none does, and the other logins are of one
/// machine, it may well be that one; of several it is not known which, and it is called none of them.
fn own<'s>(
    has: impl Iterator<Item = &'s Session>,
    others: impl Iterator<Item = &'s Session>,
) -> Option<Vec<Vec<u8>>> {
    let is_named = |session: &&'s Session| !session.host.is_empty();
    let mut names: BTreeMap<&[u8], usize> = BTreeMap::new();
    has.filter(is_named).for_each(|session| *names.entry(&session.host).or_default() += 1);
    if let Some(most) = names.values().max().copied() {
        let usual = names.into_iter().filter(|(_, count)| count * RARE >= most);
        return Some(usual.map(|(name, _)| name.to_vec()).collect());
    }
    let mut others = others.filter(is_named).map(|session| session.host.as_slice());
    let first = others.next()?;
    let are_several = others.any(|other| !may_be_one_machine(first, other));
    are_several.then(Vec::new)
}
