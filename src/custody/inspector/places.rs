//! Folders, and whether a path lies below one of them: in a time that does not grow with their number, since a hostile
//! plan may name a hundred thousand of them and a hostile bundle have as many paths.

use std::collections::{BTreeSet, HashSet};

use crate::path::HostPath;

/// Some folders.
#[derive(Default)]
pub(super) struct Places {
    places: HashSet<Vec<u8>>,
    lengths: BTreeSet<usize>,
}

impl Places {
    /// These.
    pub(super) fn of(places: impl IntoIterator<Item = HostPath>) -> Places {
        let places: HashSet<Vec<u8>> = places.into_iter().map(|place| place.as_bytes().to_vec()).collect();
        Places { lengths: places.iter().map(Vec::len).collect(), places }
    }

    /// Whether `path` lies below one of them, and is not that one itself.
    pub(super) fn any_above(&self, path: &HostPath) -> bool {
        let path = path.as_bytes();
        self.lengths.iter().take_while(|length| **length < path.len()).any(|length| {
            // Of length one there is only the root.
            let ends = *length == 1 || path.get(*length) == Some(&b'/');
            ends && path.get(..*length).is_some_and(|above| self.places.contains(above))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_answer_as_comparing_with_each() {
        let path = |text: &str| HostPath::new(text).unwrap();
        let paths = ["/", "/a", "/a/b", "/ab", "/a/b/c", "/ab/c", "/b", "/b/a"].map(path);
        for first in &paths {
            for second in &paths {
                let places = Places::of([first.clone(), second.clone()]);
                for asked in &paths {
                    let each = asked.is_below(first) || asked.is_below(second);
                    assert_eq!(places.any_above(asked), each, "{asked} below {first} or {second}");
                }
            }
        }
        assert!(!Places::default().any_above(&path("/a")));
    }
}
