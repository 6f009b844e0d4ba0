//! `[[tool]]`: a host program, once, or once for each audit key of a PHI folder.

use crate::clock::Timestamp;
use crate::collector::ausearch;
use crate::collector::definition::{Definition, Judge, Step, ToolStep};
use crate::collector::request::Request;
use crate::collector::run::Run;
use crate::custody::entry::{Base64, Kind, Source};
use crate::custody::ledger::{Draft, Reason};
use crate::custody::member::Member;
use crate::custody::outcome::{Outcome, ReasonCode, named};
use crate::host::tool::{Ended, Tool};
use crate::intake::Halt;
use crate::path::shown;

/// The placeholder that runs a program once for each key.
const KEYS: &str = "{phi_keys}";

/// Numbers of processes that a reason names.
const NAMED: usize = 20;

/// Runs a program and seals what it prints: stdout and stderr as two members of one run.
pub fn tool(
    run: &mut Run<'_, '_>,
    definition: &Definition,
    step: &Step,
    tool: &ToolStep,
) -> Result<(), Halt> {
    let name = tool.argv.first().map(String::as_str).unwrap_or_default();
    let lines = spelt_out(&tool.argv, run.request, run.asked_until());
    let asks_keys = tool.argv.iter().any(|argument| argument == KEYS);
    if lines.is_empty() {
        let words = "no audit key is known that watches a PHI folder, so that there is nothing to ask for";
        let reason = Reason::new(ReasonCode::NoPhiKey, words);
        run.intake.gap(Source::text(name), Outcome::Inconclusive, reason)?;
        return Ok(());
    }
    let program = match run.host.tool(name) {
        Ok(program) => program,
        Err(none) => {
            let (outcome, reason) = none.verdict();
            run.intake.gap(Source::text(name), outcome, reason)?;
            return Ok(());
        }
    };
    let single = lines.len() == 1;
    for (argv, number) in lines.into_iter().zip(1..) {
        let label = if single { step.id.clone() } else { format!("{}-{number}", step.id) };
        let key = if asks_keys { run.request.phi_keys.get(number - 1).cloned() } else { None };
        let asked = Asked { argv, key, label: format!("{label}-{name}") };
        one_run(run, definition, tool, &program, asked)?;
    }
    if run.request.phi_keys_left > 0 && asks_keys {
        let words = format!("there are {} more audit keys than were asked for", run.request.phi_keys_left);
        let reason = Reason::new(ReasonCode::CountLimit, words);
        run.intake.gap(Source::text(name), Outcome::Truncated, reason)?;
    }
    Ok(())
}

/// Every command line that an argv stands for, as it would be shown; none where no key is known to ask for.
pub fn command_lines(argv: &[String], request: &Request, now: Timestamp) -> Vec<String> {
    let lines = spelt_out(argv, request, now);
    lines
        .iter()
        .map(|line| line.iter().map(|argument| shown(argument)).collect::<Vec<_>>().join(" "))
        .collect()
}

/// Every command line that an argv stands for.
fn spelt_out(argv: &[String], request: &Request, now: Timestamp) -> Vec<Vec<Vec<u8>>> {
    let from = request.window.from.unwrap_or_else(|| Timestamp::from_unix(0, 0));
    let to = request.window.to.unwrap_or(now);
    let fill = |argument: &String, key: &[u8]| match argument.as_str() {
        KEYS => key.to_vec(),
        "{since}" => from.spoken().into_bytes(),
        "{until}" => to.spoken().into_bytes(),
        "{since_date}" => from.audit_date().into_bytes(),
        "{since_time}" => from.audit_time().into_bytes(),
        "{until_date}" => to.audit_date().into_bytes(),
        "{until_time}" => to.audit_time().into_bytes(),
        other => other.as_bytes().to_vec(),
    };
    let line = |key: &[u8]| argv.iter().map(|argument| fill(argument, key)).collect();
    if argv.iter().any(|argument| argument == KEYS) {
        request.phi_keys.iter().map(|key| line(key)).collect()
    } else {
        vec![line(b"")]
    }
}

/// One command line.
struct Asked {
    argv: Vec<Vec<u8>>,
    /// The audit key that it asks for, if it asks for one.
    key: Option<Vec<u8>>,
    /// What its members are called.
    label: String,
}

fn one_run(
    run: &mut Run<'_, '_>,
    definition: &Definition,
    step: &ToolStep,
    program: &Tool,
    asked: Asked,
) -> Result<(), Halt> {
    run.intake.check()?;
    let Asked { argv, key, label } = asked;
    let display: Vec<String> = argv.iter().map(|argument| shown(argument)).collect();
    let arguments = argv.get(1..).unwrap_or_default().to_vec();
    let source = |stream: &str| Source {
        argv_b64: argv.iter().cloned().map(Base64).collect(),
        stream: Some(stream.into()),
        exe: Some(program.executable.clone()),
        ..Source::text(display.join(" "))
    };
    let id = run.intake.next_run();
    let limit = step.max_output.unwrap_or(u64::MAX);
    let taken = run.intake.now();
    let mut running = match run.host.run(program, &arguments, step.timeout, limit) {
        Ok(running) => running,
        Err(not_run) => {
            let (outcome, reason) = not_run.verdict();
            run.intake.gap(source("stdout"), outcome, reason)?;
            return Ok(());
        }
    };
    let draft = |stream: &str| {
        let mut draft = Draft::new(Kind::Tool, source(stream), taken);
        draft.run = Some(id.clone());
        draft
    };
    let member = |stream: &str| Member::of_tool(&definition.id, &format!("{label}.{stream}"));
    run.intake.begin_member(member("stdout"), draft("stdout"))?;
    let mut printed = 0_u64;
    while let Some(bytes) = running.output() {
        printed += bytes.len() as u64;
        run.intake.write(bytes)?;
    }
    while running.goes_on() {
        run.intake.check_within_member()?;
    }
    let ended = running.finish();
    let better = step.judge.and_then(|judge| match judge {
        Judge::Ausearch => ausearch::judge(run, key.as_deref(), &ended, printed),
    });
    run.intake.end_member(|draft| {
        judge(draft, step, &ended, printed);
        if let Some((outcome, reason)) = better {
            *draft = draft.clone().ended(outcome, reason);
        }
        // A script is read by its interpreter after it has been started.
        if let Err(replaced) = run.host.is_unchanged(program) {
            let (_, reason) = replaced.verdict();
            let words = format!("{}; or that was while it ran, and it printed this", reason.words);
            *draft = draft.clone().ended(Outcome::Inconclusive, Reason::new(reason.code, words));
        }
        tell_of_those_left(draft, &ended);
    })?;
    if ended.stderr.is_empty() {
        return Ok(());
    }
    let mut draft = draft("stderr");
    (draft.exit, draft.signal) = (ended.exit, ended.signal);
    draft.title = Some("What the program complained of".into());
    if ended.stderr_cut {
        let words = format!("it printed more than {} bytes there", ended.stderr.len());
        draft = draft.ended(Outcome::Truncated, Reason::new(ReasonCode::OutputLimit, words));
    }
    run.intake.capture(member("stderr"), draft, ended.stderr)?;
    Ok(())
}

/// What a program's end says about what it printed.
fn judge(draft: &mut Draft, step: &ToolStep, ended: &Ended, printed: u64) {
    (draft.exit, draft.signal) = (ended.exit, ended.signal);
    let (outcome, reason) = match (ended, ended.exit) {
        (Ended { timed_out: true, .. }, _) => {
            let words = format!("no end within {} s; it was killed", step.timeout.as_secs());
            (Outcome::TimedOut, Some(Reason::new(ReasonCode::ToolDeadline, words)))
        }
        (Ended { cut: true, .. }, _) => {
            let words =
                format!("it printed more than {} bytes and was killed", step.max_output.unwrap_or_default());
            (Outcome::Truncated, Some(Reason::new(ReasonCode::OutputLimit, words)))
        }
        (Ended { signal: Some(signal), .. }, _) => {
            let words = format!("it was ended by signal {signal}");
            (Outcome::Failed, Some(Reason::new(ReasonCode::ToolSignal, words)))
        }
        (_, Some(status)) => by_status(step, status, printed),
        (_, None) => (Outcome::Failed, Some(Reason::new(ReasonCode::ToolStatus, "its end is not known"))),
    };
    draft.outcome = outcome;
    draft.reason = reason;
}

/// Says whom the program left running, and what became of them.
fn tell_of_those_left(draft: &mut Draft, ended: &Ended) {
    let mut words = Vec::new();
    if ended.left.killed > 0 {
        words.push(format!("others that it had started and left running were killed: {}", ended.left.killed));
    }
    if !ended.left.running.is_empty() {
        let running: Vec<u32> = ended.left.running.iter().copied().collect();
        words.push(format!("others that it had started could not be ended: {}", named(&running, NAMED)));
    }
    if ended.held {
        words.push(
            "somebody holds its output open whom this run could not find, and was not waited for".into(),
        );
    }
    if words.is_empty() {
        return;
    }
    let words = words.join("; ");
    match &mut draft.reason {
        Some(reason) => reason.words = format!("{}; {words}", reason.words),
        none => *none = Some(Reason::new(ReasonCode::ToolLeft, words)),
    }
}

fn by_status(step: &ToolStep, status: i32, printed: u64) -> (Outcome, Option<Reason>) {
    let known = step.exit.get(&status).copied();
    let outcome = known.unwrap_or(if status == 0 { Outcome::Collected } else { Outcome::Failed });
    if outcome == Outcome::Collected && printed == 0 {
        let words = "it ended well and printed nothing";
        return (step.silent, Some(Reason::new(ReasonCode::ToolSilent, words)));
    }
    let words = format!("it ended with status {status}");
    let reason = (outcome != Outcome::Collected).then(|| Reason::new(ReasonCode::ToolStatus, words));
    (outcome, reason)
}
