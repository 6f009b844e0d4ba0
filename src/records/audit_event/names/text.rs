//! Paths as bytes: joined, cleaned, taken apart. Nothing is looked up, so that `..` stays where it stands: behind a link
//! it leads elsewhere.

/// A name in a directory. An absolute name stands for itself.
pub(super) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
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

/// Whether a path is `root` or lies below it, component by component.
pub fn is_within(path: &[u8], root: &[u8]) -> bool {
    let root = root.strip_suffix(b"/").unwrap_or(root);
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
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
        assert!(!is_within(b"/srv/phi2", b"/srv/phi") && is_within(b"/x", b"/"));
    }
}
