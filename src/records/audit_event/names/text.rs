//! Paths as bytes: joined, cleaned, taken apart. Nothing is looked up, so that `..` stays where it stands: behind a link
//! it leads elsewhere.

use std::borrow::Cow;

/// A name in a directory. An absolute name stands for itself.
pub fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if name.first() == Some(&b'/') {
        return clean(name);
    }
    let mut path = Vec::with_capacity(directory.len() + 1 + name.len());
    path.extend_from_slice(directory);
    path.push(b'/');
    path.extend_from_slice(name);
    clean(&path)
}

/// Without `//`, `/./` and a slash at the end.
pub(super) fn clean(path: &[u8]) -> Vec<u8> {
    let mut cleaned = Vec::with_capacity(path.len());
    for component in path.split(|byte| *byte == b'/') {
        if !matches!(component, b"" | b".") {
            cleaned.push(b'/');
            cleaned.extend_from_slice(component);
        }
    }
    if cleaned.is_empty() {
        cleaned.push(b'/');
    }
    cleaned
}

/// The last component.
pub(super) fn last(name: &[u8]) -> &[u8] {
    let name = name.strip_suffix(b"/").unwrap_or(name);
    name.rsplit(|byte| *byte == b'/').next().unwrap_or(name)
}

/// Whether a path is `root` or lies below it, component by component; `..` leads a directory up, as it does but behind a
/// link.
pub fn is_within(path: &[u8], root: &[u8]) -> bool {
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let path = &folded(path)[..];
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
}

/// A path without `..`, `.` and `//`, by its letters.
fn folded(path: &[u8]) -> Cow<'_, [u8]> {
    let mut behind = path.split(|byte| *byte == b'/').skip(1);
    if !behind.any(|component| matches!(component, b"" | b"." | b"..")) {
        return Cow::Borrowed(path);
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    for component in path.split(|byte| *byte == b'/').filter(|component| !matches!(*component, b"" | b".")) {
        if component == b".." {
            kept.pop();
        } else {
            kept.push(component);
        }
    }
    Cow::Owned([b"/", kept.join(&b'/').as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_by_their_letters_alone() {
        assert_eq!(join(b"/srv/phi/", b"./a//b/"), b"/srv/phi/a/b");
        assert_eq!(join(b"/srv", b"../x"), b"/srv/../x");
        assert_eq!(join(b"/srv", b"/x/."), b"/x");
        assert_eq!((clean(b"//"), last(b"a/b/"), last(b"x")), (b"/".to_vec(), &b"b"[..], &b"x"[..]));
        assert!(is_within(b"/srv/phi/x", b"/srv/phi") && is_within(b"/srv/phi", b"/srv/phi/"));
        assert!(is_within(b"/srv/other/../phi/x", b"/srv/phi") && is_within(b"/../srv/phi", b"/srv/phi"));
        assert!(
            !is_within(b"/srv/phi/d/../../home/x", b"/srv/phi") && is_within(b"/srv/phi/..a", b"/srv/phi")
        );
        assert!(!is_within(b"/srv/phi2", b"/srv/phi") && is_within(b"/x", b"/"));
    }
}
