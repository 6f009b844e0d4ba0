//! The ids of the rows of wtmpdb's table: given one after another, so that what is missing between two of them was deleted,
//! by a rotation or by somebody.

use super::{Sign, SignKind};
use crate::records::audit_event::Place;

/// Takes the ids in the order of the table.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    /// How many are missing.
    pub missing: u64,
    /// The row behind the first gap.
    behind: Option<i64>,
    last: Option<i64>,
}

impl Ids {
    /// The next row.
    pub fn take(&mut self, id: i64) {
        let gap = self.last.map_or(0, |last| id.saturating_sub(last).saturating_sub(1));
        if let Ok(gap @ 1..) = u64::try_from(gap) {
            self.missing = self.missing.saturating_add(gap);
            self.behind.get_or_insert(id);
        }
        self.last = Some(id);
    }

    /// The sign that they are, at the row behind the first gap; none where nothing is missing.
    pub fn sign(&self, file: u32) -> Option<Sign> {
        let offset = u64::try_from(self.behind?).unwrap_or(0);
        Some(Sign { kind: SignKind::MissingIds, place: Place { file, offset }, count: self.missing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_between_ids_is_counted_and_where_it_is_first() {
        let told = |ids: &[i64]| {
            let mut all = Ids::default();
            ids.iter().for_each(|id| all.take(*id));
            all.sign(3).map(|sign| (sign.kind.word(), sign.place.file, sign.place.offset, sign.count))
        };
        assert_eq!(told(&[5, 6, 8, 12]), Some(("missing_ids", 3, 8, 1 + 3)));
        // What a rotation took from the beginning is no gap.
        assert_eq!((told(&[900, 901]), told(&[])), (None, None));
        assert_eq!(told(&[2, 1]), None);
        assert_eq!(told(&[i64::MIN, i64::MAX]).map(|sign| sign.3), Some(i64::MAX as u64 - 1));
    }
}
