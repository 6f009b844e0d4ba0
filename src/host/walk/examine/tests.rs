//! Tests of waiting for what may never be answered.

use std::time::{Duration, Instant};

use super::super::{Manner, Walk};
use super::*;
use crate::host::Host;
use crate::host::file::open_folder;
use crate::host::pattern::Pattern;
use crate::host::test_host::host_with;

/// A walk for what lies in `/x`, whose first batch is begun, and the end from where it would be told that it is done.
fn begun(host: &Host, names: &[&str]) -> (Walk<'static>, Arc<Batch>, SyncSender<()>) {
    let host: &'static Host = Box::leak(Box::new(Host {
        patience: Patience::new(Duration::from_millis(300)),
        ..Host::image(host.image_root().unwrap(), &[]).unwrap()
    }));
    let pattern = Pattern::new("/x/*").unwrap();
    let spot = host.locate(pattern.base(), true).unwrap().spot;
    let fd = open_folder(&spot.folder, &spot.name, host.footprint()).unwrap();
    let (path, real) = (spot.path.clone(), spot.real.clone());
    let folder = Arc::new(Folder { fd: Arc::new(fd), path, real });
    let mut batch = Batch::default();
    names.iter().for_each(|name| batch.add(&folder, name.as_bytes()));
    batch.begun.store(1, Ordering::Relaxed);
    let (batch, (done, all_done), (tell, told)) = (Arc::new(batch), sync_channel(1), sync_channel(1));
    assert!(tell.send(Told::Batch(Ticket { done: all_done, batch: Arc::clone(&batch) })).is_ok());
    let walk = Walk { told, ..host.walk(&pattern, Wanted::Everything, false) };
    (walk, batch, done)
}

fn told(found: &Found) -> String {
    match found {
        Found::Match(found) => found.spot.path.to_string(),
        Found::Trouble(place, Trouble::Hung(..)) => format!("{} hangs", place.path),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_name_that_hangs_costs_one_deadline_and_is_told_and_so_is_all_beside_it() {
    let (_dir, host) = host_with(&[
        ("/x/a", b""),
        ("/x/b/1", b""),
        ("/x/stuck/no", b""),
        ("/x/stuck.txt", b""),
        ("/x/z", b""),
    ]);
    let (walk, batch, _done) = begun(&host, &["a", "b", "stuck", "stuck.txt"]);
    let examiner = Examiner { manner: Manner::plain(Wanted::Everything, false), footprint: Arc::default() };
    for number in 0..2 {
        let (folder, name) = batch.named(number).unwrap();
        batch.answer(Item::Seen(number, examiner.sight(&folder.fd, name).unwrap().unwrap()));
    }
    batch.begun.store(3, Ordering::Relaxed);
    let start = Instant::now();
    let found: Vec<String> = walk.map(|found| told(&found)).collect();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(found, ["/x/a", "/x/b", "/x/stuck hangs", "/x/stuck.txt", "/x/z"]);
}

#[test]
fn a_walk_is_taken_up_at_any_turn_without_a_name_twice_or_not_at_all() {
    let names = ["/x/a", "/x/b/1", "/x/b/c/2", "/x/b/c.d", "/x/b.txt", "/x/b-1", "/x/d/e/f", "/x/g"];
    let (_dir, host) = host_with(&names.map(|name| (name, &b""[..])));
    let pattern = Pattern::new("/x/**").unwrap();
    let all: Vec<String> = host.walk(&pattern, Wanted::Everything, false).map(|found| told(&found)).collect();
    assert_eq!(all.len(), 12);
    for (number, name) in all.iter().enumerate() {
        let reached = name.strip_prefix("/x/").unwrap().as_bytes().to_vec();
        let mut walk = host.walk(&pattern, Wanted::Everything, false);
        walk.start(Vec::new(), Some(reached));
        let rest: Vec<String> = walk.map(|found| told(&found)).collect();
        assert_eq!(rest, all[number + 1..], "behind {name}");
    }
    // Behind the turn of a folder that could not be entered.
    let mut walk = host.walk(&pattern, Wanted::Everything, false);
    walk.start(Vec::new(), Some(b"b/".to_vec()));
    let rest: Vec<String> = walk.map(|found| told(&found)).collect();
    assert_eq!(rest, ["/x/d", "/x/d/e", "/x/d/e/f", "/x/g"]);
}

#[test]
fn what_goes_on_slowly_is_waited_for() {
    let (_dir, host) = host_with(&[("/x/a", b"")]);
    let (walk, batch, done) = begun(&host, &["a", "b", "c", "d", "e"]);
    let slow = std::thread::spawn(move || {
        for number in 2..6 {
            std::thread::sleep(Duration::from_millis(200));
            batch.begun.store(number, Ordering::Relaxed);
        }
        batch.answer(Item::Said(Found::TooDeep(Place::plain(&HostPath::root())), Turned::Before));
        assert!(done.send(()).is_ok());
    });
    // Then the walker is gone, and nothing says that all is told.
    let found: Vec<Found> = walk.collect();
    assert!(matches!(found.as_slice(), [Found::TooDeep(_), Found::Trouble(..)]), "{found:?}");
    slow.join().unwrap();
}
