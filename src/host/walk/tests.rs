//! Tests of walks.

use super::*;
use crate::host::test_host::host_with;

fn paths(host: &Host, pattern: &str, wanted: Wanted) -> Vec<String> {
    let pattern = Pattern::new(pattern).unwrap();
    host.walk(&pattern, wanted, false)
        .map(|found| match found {
            Found::Match(found) => found.spot.path.to_string(),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn what_matches_comes_sorted_by_the_bytes_of_its_path() {
    let (_dir, host) = host_with(&[("/x/a/b", b""), ("/x/a.txt", b""), ("/x/a-1", b""), ("/x/a/c/d", b"")]);
    let found = paths(&host, "/x/**", Wanted::Everything);
    assert_eq!(found, ["/x/a", "/x/a-1", "/x/a.txt", "/x/a/b", "/x/a/c", "/x/a/c/d"]);
    let mut sorted = found.clone();
    sorted.sort();
    assert_eq!(found, sorted);
    assert_eq!(paths(&host, "/x/**/d", Wanted::Files), ["/x/a/c/d"]);
    assert_eq!(paths(&host, "/x/a*", Wanted::Files), ["/x/a-1", "/x/a.txt"]);
    assert_eq!(paths(&host, "/x/a.txt", Wanted::Files), ["/x/a.txt"]);
}

#[test]
fn links_are_told_and_not_entered() {
    let (dir, host) = host_with(&[("/x/real/file", b"")]);
    std::os::unix::fs::symlink("real", dir.path().join("x/link")).unwrap();
    let pattern = Pattern::new("/x/**").unwrap();
    let targets: Vec<_> = host
        .walk(&pattern, Wanted::Files, false)
        .filter_map(|found| match found {
            Found::Match(found) => Some((found.spot.path.to_string(), found.target)),
            _ => None,
        })
        .collect();
    assert_eq!(targets[0], ("/x/link".into(), Some(b"real".to_vec())));
    assert_eq!(targets.len(), 2);
}

#[test]
fn a_missing_base_and_a_tree_without_end_are_told() {
    let (dir, host) = host_with(&[]);
    assert!(paths(&host, "/none/*", Wanted::Files)[0].contains("Missing"));
    let deep = (0..DEPTH_LIMIT + 5).fold(dir.path().join("x"), |path, _| path.join("d"));
    std::fs::create_dir_all(deep).unwrap();
    let found = paths(&host, "/x/**", Wanted::Everything);
    assert!(found.last().unwrap().contains("TooDeep") || found.iter().any(|line| line.contains("TooDeep")));
}

#[test]
fn an_unfinished_walk_can_be_dropped() {
    let files: Vec<(String, &[u8])> = (0..500).map(|n| (format!("/x/{n}"), &b""[..])).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    let (_dir, host) = host_with(&files);
    let pattern = Pattern::new("/x/*").unwrap();
    assert_eq!(host.walk(&pattern, Wanted::Files, false).take(3).count(), 3);
    assert_eq!(host.walk(&pattern, Wanted::Files, false).count(), 500);
}

#[test]
fn a_folder_of_many_names_is_the_same_in_little_memory_and_in_much() {
    let names: Vec<String> = (0..2000).map(|n| format!("/x/{}-{n}", n * 7919 % 2003)).collect();
    let folders = (0..40).map(|n| format!("/x/{n}-folder/below/file"));
    let all: Vec<String> = names.iter().cloned().chain(folders).collect();
    let files: Vec<(&str, &[u8])> = all.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let (_dir, host) = host_with(&files);
    let walk = |room| {
        let manner = Manner { room, ..Manner::plain(Wanted::Everything, true) };
        let found = host.walk_in(&Pattern::new("/x/**").unwrap(), manner);
        found
            .map(|found| match found {
                Found::Match(found) => found.spot.path.as_bytes().to_vec(),
                other => panic!("{other:?}"),
            })
            .collect::<Vec<_>>()
    };
    let much = walk(ROOM);
    assert_eq!(much.len(), 2000 + 3 * 40);
    assert!(much.is_sorted_by(|a, b| a < b));
    for little in [100, 3000, 20_000] {
        assert!(walk(little) == much, "{little}");
    }
}

#[test]
fn a_folder_is_told_with_all_that_is_below_it_within_an_allowance() {
    let (dir, host) = host_with(&[("/x/a/1", b""), ("/x/b/2", b""), ("/x/c/3", b""), ("/x/file", b"")]);
    std::os::unix::fs::symlink("a", dir.path().join("x/link")).unwrap();
    let walk = |events, path| {
        let allowance = Arc::new(Allowance::new(events, 1_000_000, 1_000_000));
        let found = host.walk_in(&Pattern::below(&HostPath::new(path).unwrap()), Manner::sparing(&allowance));
        let told: Vec<String> = found
            .map(|found| match found {
                Found::Match(found) => match found.target_missing {
                    Some(why) => format!("{} {why:?}", found.spot.path),
                    None => found.spot.path.to_string(),
                },
                Found::OverAllowance(place) => format!("{} is closed", place.path),
                other => panic!("{other:?}"),
            })
            .collect();
        (told, allowance.spent())
    };
    let all = ["/x", "/x/a", "/x/a/1", "/x/b", "/x/b/2", "/x/c", "/x/c/3", "/x/file", "/x/link"];
    // Four folders, one link.
    assert_eq!(walk(Some(100), "/x"), (all.map(String::from).to_vec(), 5));
    assert_eq!(walk(None, "/x").0, all);
    // A single file can be watched, too.
    assert_eq!(walk(Some(100), "/x/file"), (vec!["/x/file".to_owned()], 0));
    let (some, spent) = walk(Some(2), "/x");
    let expected = ["/x", "/x/a", "/x/a/1", "/x/b", "/x/b is closed", "/x/c", "/x/c is closed", "/x/file"];
    assert_eq!(some[..8], expected);
    assert_eq!((some[8].as_str(), spent), ("/x/link OverAllowance", 2));
    assert_eq!(walk(Some(0), "/x"), (vec!["/x".to_owned(), "/x is closed".to_owned()], 0));
}

#[test]
fn two_readers_keep_the_order_and_every_name() {
    let dir = tempfile::tempdir().unwrap();
    for folder in 0..30 {
        let path = dir.path().join(format!("x/{folder}"));
        std::fs::create_dir_all(&path).unwrap();
        for file in 0..folder * 9 {
            std::fs::write(path.join(file.to_string()), b"").unwrap();
        }
    }
    let host = Host::image(dir.path(), &[]).unwrap();
    let found = paths(&host, "/x/**", Wanted::Everything);
    assert_eq!(found.len(), 30 + (0..30).map(|folder| folder * 9).sum::<usize>());
    assert!(found.is_sorted());
}
