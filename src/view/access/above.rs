//! A folder above a PHI folder gets another name, and with it the PHI folder: by that name it is the same one.

use crate::records::audit_event::items::{Item, NameType};
use crate::records::audit_event::names::{Named, is_within};
use crate::records::audit_event::operation::{Op, Operation, Outcome};

/// Names that PHI folders have for a time, at most.
const NAMES: usize = 64;

/// Takes up a renaming of a folder above one of the roots; true if it was one. Of the roots so many are those that were
/// asked for: they stay, whatever is moved.
pub(super) fn follow(
    roots: &mut Vec<Vec<u8>>,
    asked: usize,
    operation: &Operation,
    items: &[Item<'_>],
    names: &[Named],
) -> bool {
    if (operation.op, operation.outcome) != (Op::Rename, Outcome::Ok) {
        return false;
    }
    let of = |kind: NameType| {
        items.iter().zip(names).filter(move |(item, named)| item.kind == kind && named.found.is_sure())
    };
    let mut is_followed = false;
    for (old, from) in of(NameType::Delete).filter(|(old, _)| old.is_directory() == Some(true)) {
        let Some((_, to)) = of(NameType::Create).find(|(new, _)| new.id.is_some() && new.id == old.id) else {
            continue;
        };
        let is_below = |root: &Vec<u8>| *root != from.path && is_within(root, &from.path);
        let below = roots.iter().filter(|root| is_below(root));
        let moved: Vec<Vec<u8>> = below
            .filter_map(|root| Some([to.path.as_slice(), root.get(from.path.len()..)?].concat()))
            .collect();
        is_followed |= !moved.is_empty();
        let mut at = 0;
        roots.retain(|root| {
            at += 1;
            at <= asked || !is_below(root)
        });
        for root in moved {
            if !roots.contains(&root) && roots.len() < asked + NAMES {
                roots.push(root);
            }
        }
    }
    is_followed
}
