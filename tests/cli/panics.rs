//! A collector that panics costs its own entry and nothing else.

use std::io::Cursor;

use phi_ir::case::BundleKind;
use phi_ir::clock::{Clock as _, SystemClock};
use phi_ir::collector::run::Run;
use phi_ir::command::collect::Args;
use phi_ir::command::collect::journey::random_salt;
use phi_ir::command::collect::prepare::Prepared;
use phi_ir::custody::completeness::Need;
use phi_ir::custody::digest::Digest;
use phi_ir::custody::entry::{Entry, Kind, Phi, Source, Window};
use phi_ir::custody::json;
use phi_ir::custody::ledger::{Draft, Ledger, StepContext};
use phi_ir::custody::member::Member;
use phi_ir::custody::outcome::{Outcome, ReasonCode};
use phi_ir::intake::{Intake, Progress, StopMark, Terms};
use phi_ir::seal::Seal;
use phi_ir::seal::envelope::{Identities, Recipients, generate};

use crate::support::FakeHost;

struct Silent;

impl Progress for Silent {
    fn collector(&mut self, _: usize, _: usize, _: &str) {}
    fn bytes(&mut self, _: u64) {}
    fn phase(&mut self, _: &str) {}
}

fn step(name: &str) -> StepContext {
    StepContext {
        collector: name.into(),
        step: "native".into(),
        title: "a trial".into(),
        phi: Phi::None,
        hipaa: vec![],
        need: Need::Optional,
    }
}

#[test]
fn a_panic_in_the_middle_of_a_member_leaves_a_failed_entry_and_a_whole_archive() {
    let host = FakeHost::small();
    let officer = generate("now");
    let mut recipients = Recipients::none();
    recipients.add(&officer.recipient, None, "argument", "-r").unwrap();
    let args = Args {
        recipients: vec![officer.recipient.clone()],
        root: Some(host.path().to_owned()),
        since: "7d".into(),
        ..Args::default()
    };
    let prepared = Prepared::from(&args, BundleKind::Incident, &SystemClock).unwrap();
    let mut vault = Seal::create("trial", Vec::new(), &recipients, None).unwrap();
    let terms = Terms {
        clock: &SystemClock,
        salts: &random_salt,
        stop: StopMark::default(),
        progress: &mut Silent,
        max_bytes: None,
        max_time: None,
        pace: Default::default(),
        phi_roots: vec![],
        window: Window::default(),
        asked: Default::default(),
        wants: None,
    };
    let mut intake = Intake::new(&mut vault, Ledger::starting_from(Digest::of(b"plan"), false), terms);
    let (host, request, plan) = (&prepared.host, &prepared.request, &prepared.plan);
    let places = phi_ir::collector::steps::Places::of(host);
    let mut run = Run::new(plan, host, request, &mut intake, &places);

    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    run.guarded(step("one"), |run| {
        let draft = Draft::new(Kind::Capture, Source::text("one"), run.intake.now());
        run.intake.begin_member(Member::of_live("one", "half"), draft)?;
        run.intake.write(b"the first half".to_vec())?;
        panic!("on purpose");
    })
    .unwrap();
    run.guarded(step("two"), |_| panic!("on purpose, before anything")).unwrap();
    std::panic::set_hook(hook);
    run.guarded(step("three"), |run| {
        let draft = Draft::new(Kind::Capture, Source::text("three"), run.intake.now());
        run.intake.capture(Member::of_live("three", "whole"), draft, b"whole".to_vec()).map(drop)
    })
    .unwrap();

    let (ledger, _) = intake.close();
    assert_eq!(ledger.len(), 3);
    let (sealed, _) = vault.finish().unwrap();
    let source = Identities::parse(&officer.file, "key").unwrap().decrypt(Cursor::new(sealed)).unwrap();
    let mut archive = zip::ZipArchive::new(source).unwrap();
    let mut read = |name: &str| {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut archive.by_name(name).unwrap(), &mut bytes).unwrap();
        bytes
    };
    assert_eq!(read("trial/data/live/one/half"), b"the first half");
    assert_eq!(read("trial/data/live/three/whole"), b"whole");
    for (number, outcome, code) in [
        (1, Outcome::Failed, Some(ReasonCode::Panicked)),
        (2, Outcome::Failed, Some(ReasonCode::Panicked)),
        (3, Outcome::Collected, None),
    ] {
        let entry: Entry = json::read(&read(&format!("trial/entries/{number:06}.json")), 10_000).unwrap();
        assert_eq!((entry.outcome, entry.reason_code), (outcome, code), "{entry:?}");
    }
    let _ = SystemClock.moment();
}
