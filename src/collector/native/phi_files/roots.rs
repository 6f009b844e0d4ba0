//! The order in which PHI folders are listed, and which of them another one's listing holds already.

use rustix::fs::FileType;

use crate::collector::request::PhiRoot;
use crate::host::walk::{Found, Sight};
use crate::path::HostPath;

/// A folder that lies in another one, which is listed before it.
struct Inner {
    root: PhiRoot,
    /// A walk came to it, as a folder.
    met: bool,
    /// A walk told that it stays out of it, or ends somewhere in it because it is too deep.
    left_out: bool,
    /// It is listed by itself.
    alone: bool,
}

/// The PHI folders, in the order in which they are listed.
pub struct Roots {
    outer: Vec<HostPath>,
    inner: Vec<Inner>,
}

impl Roots {
    /// Sorted by the bytes of their paths, each once. Where a folder really lies was found out when it became known,
    /// so that nothing is opened here. By path alone nothing is taken for the inside of another: a link in a folder is
    /// not followed.
    pub fn of(roots: &[PhiRoot]) -> Roots {
        let mut roots = roots.to_vec();
        roots.sort_by(|one, other| one.path.cmp(&other.path));
        roots.dedup_by(|one, other| one.path == other.path);
        let holds = |outer: &PhiRoot, root: &PhiRoot| {
            root.real.is_below(&outer.real) || (root.real == outer.real && outer.path < root.path)
        };
        let (inner, outer): (Vec<PhiRoot>, Vec<PhiRoot>) =
            roots.iter().cloned().partition(|root| roots.iter().any(|other| holds(other, root)));
        Roots {
            outer: outer.into_iter().map(|root| root.path).collect(),
            inner: inner
                .into_iter()
                .map(|root| Inner { root, met: false, left_out: false, alone: false })
                .collect(),
        }
    }

    /// Those that lie in no other one.
    pub fn outer(&self) -> Vec<HostPath> {
        self.outer.clone()
    }

    /// What a walk comes across.
    pub fn notice(&mut self, sight: &Sight<'_>) {
        match sight {
            Sight::Seen(found) if !self.inner.is_empty() && found.met.kind == FileType::Directory => {
                self.meet(&found.spot().real);
            }
            Sight::Seen(_) => {}
            Sight::Other(found) => self.note(found),
        }
    }

    fn meet(&mut self, real: &HostPath) {
        for inner in self.inner.iter_mut().filter(|inner| inner.root.real == *real) {
            inner.met = true;
        }
    }

    fn note(&mut self, found: &Found) {
        let (Found::LeftOut(place, _) | Found::TooDeep(place)) = found else { return };
        for inner in self.inner.iter_mut().filter(|inner| place.real.is_within(&inner.root.real)) {
            // A mount further down keeps its own listing out as well.
            inner.left_out |= matches!(found, Found::TooDeep(_)) || place.real == inner.root.real;
        }
    }

    /// The next that must be listed by itself after all, because no walk got into it.
    pub fn next_unseen(&mut self) -> Option<HostPath> {
        let inner = self.inner.iter_mut().find(|inner| !inner.alone && (!inner.met || inner.left_out))?;
        inner.alone = true;
        Some(inner.root.path.clone())
    }

    /// Those that were listed as a part of another one.
    pub fn listed_with_another(&self) -> Vec<HostPath> {
        self.inner.iter().filter(|inner| !inner.alone).map(|inner| inner.root.path.clone()).collect()
    }

    /// Those that were so under another path: as they are called, and where they lie.
    pub fn listed_elsewhere(&self) -> Vec<(HostPath, HostPath)> {
        let renamed = self.inner.iter().filter(|inner| !inner.alone && inner.root.path != inner.root.real);
        renamed.map(|inner| (inner.root.path.clone(), inner.root.real.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::mounts::KeepOut;
    use crate::host::place::Place;

    fn path(text: &str) -> HostPath {
        HostPath::new(text).unwrap()
    }

    fn roots(named: &[(&str, &str)]) -> Roots {
        let root = |(called, real): &(&str, &str)| PhiRoot {
            path: path(called),
            real: path(real),
            also: Vec::new(),
            origin: "argument".into(),
            keys: Vec::new(),
        };
        Roots::of(&named.iter().map(root).collect::<Vec<_>>())
    }

    fn texts(paths: Vec<HostPath>) -> Vec<String> {
        paths.iter().map(HostPath::to_string).collect()
    }

    fn unseen(roots: &mut Roots) -> Vec<String> {
        std::iter::from_fn(|| roots.next_unseen()).map(|path| path.to_string()).collect()
    }

    #[test]
    fn folders_are_sorted_and_what_lies_in_another_is_listed_with_it() {
        let named =
            [("/z", "/z"), ("/b", "/b"), ("/b/c", "/b/c"), ("/b", "/b"), ("/a", "/b/d"), ("/b-c", "/b-c")];
        let mut roots = roots(&named);
        assert_eq!(texts(roots.outer()), ["/b", "/b-c", "/z"]);
        roots.meet(&path("/b/c"));
        roots.meet(&path("/b/d"));
        assert!(unseen(&mut roots).is_empty());
        assert_eq!(texts(roots.listed_with_another()), ["/a", "/b/c"]);
        assert_eq!(roots.listed_elsewhere(), [(path("/a"), path("/b/d"))]);
    }

    #[test]
    fn what_a_link_in_a_folder_leads_out_to_is_no_part_of_it() {
        let roots = roots(&[("/b", "/b"), ("/b/link", "/z/x")]);
        assert_eq!(texts(roots.outer()), ["/b", "/b/link"]);
    }

    #[test]
    fn of_two_names_of_one_folder_the_first_is_listed() {
        let mut roots = roots(&[("/real", "/real"), ("/link", "/real")]);
        assert_eq!(texts(roots.outer()), ["/link"]);
        roots.meet(&path("/real"));
        assert!(unseen(&mut roots).is_empty());
    }

    #[test]
    fn what_no_walk_got_into_is_listed_by_itself() {
        let named = [("/b", "/b"), ("/b/c", "/b/c"), ("/b/d", "/b/d"), ("/b/e", "/b/e"), ("/b/f", "/b/f")];
        let mut roots = roots(&named);
        for met in ["/b/d", "/b/e"] {
            roots.meet(&path(met));
        }
        roots.note(&Found::LeftOut(Place::plain(&path("/b/c")), KeepOut::Network));
        roots.note(&Found::LeftOut(Place::plain(&path("/b/d/mount")), KeepOut::Network));
        roots.note(&Found::TooDeep(Place::plain(&path("/b/e/x/y"))));
        // What was not met at all may have come since.
        assert_eq!(unseen(&mut roots), ["/b/c", "/b/e", "/b/f"]);
        assert_eq!(texts(roots.listed_with_another()), ["/b/d"]);
        assert!(roots.listed_elsewhere().is_empty());
    }
}
