//! The same rows, salts and clock give the same archive to the byte. Shown through the library: the binary has no flag
//! for it, because a binary with a settable clock could not be trusted.

use std::io::Read as _;

use phi_ir::case::BundleKind;
use phi_ir::clock::{Clock as _, FixedClock, Timestamp};
use phi_ir::command::collect::Args;
use phi_ir::command::collect::journey::Journey;
use phi_ir::command::collect::prepare::Prepared;
use phi_ir::custody::digest::Digest;
use phi_ir::intake::{Progress, StopMark};
use phi_ir::seal::envelope::{Identities, generate};

use crate::support::FakeHost;

struct Silent;

impl Progress for Silent {
    fn collector(&mut self, _: usize, _: usize, _: &str) {}
    fn bytes(&mut self, _: u64) {}
    fn phase(&mut self, _: &str) {}
}

fn archive(host: &FakeHost, key: &std::path::Path, recipient: &str, identity: &Identities) -> Vec<u8> {
    let clock = FixedClock::starting(Timestamp::parse("2026-11-21T20:19:48Z").unwrap());
    let args = Args {
        recipients: vec![recipient.to_owned()],
        root: Some(host.path().to_owned()),
        since: "2026-01-01".into(),
        sign_with: Some(key.to_owned()),
        ..Args::default()
    };
    let mut prepared = Prepared::from(&args, BundleKind::Incident, &clock).unwrap();
    prepared.request.id = "clinic-db-20261121t201948z-00000000".into();
    let count = std::cell::Cell::new(0_u64);
    let salts = || {
        count.set(count.get() + 1);
        Ok(Digest::of(&count.get().to_be_bytes()))
    };
    let journey = Journey { prepared: &prepared, clock: &clock, salts: &salts, stop: StopMark::default() };
    let (sealed, _, _) = journey.seal(Vec::new(), None, &mut Silent).unwrap();
    let mut clear = Vec::new();
    identity.decrypt(std::io::Cursor::new(sealed)).unwrap().read_to_end(&mut clear).unwrap();
    clear
}

#[test]
fn two_runs_give_one_archive() {
    let host = FakeHost::small().file("/var/log/syslog", "a line of text, and another\n".repeat(40_000));
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("host.key");
    std::fs::write(&key, phi_ir::seal::signature::generate("host").unwrap().private.as_bytes()).unwrap();
    let officer = generate("now");
    let identity = Identities::parse(&officer.file, "key").unwrap();
    let first = archive(&host, &key, &officer.recipient, &identity);
    let second = archive(&host, &key, &officer.recipient, &identity);
    assert!(first.len() > 50_000);
    assert!(
        first == second,
        "the archives differ at byte {:?}",
        first.iter().zip(&second).position(|(a, b)| a != b)
    );

    // The control: with one byte of the host changed they differ.
    std::fs::write(host.at("/etc/group"), "root:x:0:x\n").unwrap();
    assert!(archive(&host, &key, &officer.recipient, &identity) != first);
    let _ = phi_ir::clock::SystemClock.moment();
}
