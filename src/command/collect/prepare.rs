//! From what was typed and configured to a request, a plan, and keys; everything that can fail before a bundle
//! exists fails here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::naming::bundle_id;
use super::{Args, target};
use crate::case::{BundleKind, Case, Line};
use crate::clock::{Clock, Timestamp, parse_span};
use crate::collector::catalog::Catalog;
use crate::collector::phi::{self, Obstacle};
use crate::collector::plan::{Plan, PlanError};
use crate::collector::request::{PhiRoot, Request};
use crate::collector::{audit_budget, auditd};
use crate::command::keys;
use crate::config::{self, Config, ConfigError, LoadedConfig};
use crate::custody::entry::Window;
use crate::custody::plan::Limits;
use crate::custody::seal::Tool;
use crate::host::myself::own_digest;
use crate::host::{Host, READ_DEADLINE};
use crate::path::HostPath;
use crate::seal::envelope::{KeyError, Recipients, room_for_passphrase};
use crate::seal::signature::{SigningError, SigningKey};
use crate::term::Failure;

/// Everything that a collection needs before it begins.
pub struct Prepared {
    /// What was asked for.
    pub request: Request,
    /// What will be done.
    pub plan: Plan,
    /// The examined machine.
    pub host: Host,
    /// Who can open the bundle.
    pub recipients: Recipients,
    /// What signs it.
    pub signer: SigningKey,
    /// Years to keep it.
    pub retention_years: u32,
}

impl Prepared {
    /// Reads config, keys and arguments, and makes the plan.
    pub fn from(args: &Args, kind: BundleKind, clock: &dyn Clock) -> Result<Prepared, Failure> {
        let loaded = load_config()?;
        let config = loaded.as_ref().map(|loaded| loaded.config.clone()).unwrap_or_default();
        let recipients = recipients(args, &config)?;
        let signer = signer(args, &config)?;
        let (host, request, plan) = plan_for(args, kind, clock, loaded, &recipients)?;
        let retention_years = config.retention_years.unwrap_or(6);
        Ok(Prepared { request, plan, host, recipients, signer, retention_years })
    }
}

/// What a dry run needs: no keys.
pub fn plan_for(
    args: &Args,
    kind: BundleKind,
    clock: &dyn Clock,
    loaded: Option<LoadedConfig>,
    recipients: &Recipients,
) -> Result<(Host, Request, Plan), Failure> {
    let config = loaded.as_ref().map(|loaded| loaded.config.clone()).unwrap_or_default();
    let named = |paths: &[PathBuf]| {
        paths.iter().map(|path| on_host(path, args.root.is_some())).collect::<Result<Vec<_>, _>>()
    };
    let (by_argument, by_config, also) = (named(&args.phi)?, named(&config.phi)?, named(&args.also)?);
    let pointed_at: Vec<HostPath> = by_argument.iter().chain(&by_config).chain(&also).cloned().collect();
    let host = match &args.root {
        Some(root) => Host::image(root, &pointed_at).map_err(|error| {
            Failure::new(format!("cannot examine {}: {error}", root.display()))
                .hint("name the folder that an image is mounted on with --root DIR")
        })?,
        None => Host::live(&pointed_at).map_err(|error| {
            Failure::new(format!("cannot examine /: {error}"))
                .hint("check the limits of this process (ulimit -a)")
        })?,
    };
    host.adopt_orphans();
    if let Some(percent) = max_cpu(args, &config)? {
        host.pace().keep_below(percent);
    }
    // The audit log is taken on whatever mount it lies: it is the record that all of this is about.
    host.point_at(auditd::log(&auditd::configuration(&host)));
    let from = |origin: &'static str| move |path| (path, origin.to_owned());
    let mut folders: Vec<(HostPath, String)> = by_argument.into_iter().map(from("argument")).collect();
    if folders.is_empty() {
        folders = by_config.into_iter().map(from("config")).collect();
    }
    let (watched, rules_unread) = phi::watches(&host);
    if folders.is_empty() {
        folders = phi::roots_of(&watched);
    }
    let phi_roots_left = cut(&mut folders, phi::MOST_ROOTS);
    let root = |(path, origin)| {
        let root = PhiRoot::new(&host, path, origin);
        PhiRoot { keys: phi::keys_for(&watched, std::slice::from_ref(&root)), ..root }
    };
    let phi_roots: Vec<_> = folders.into_iter().map(root).collect();
    let mut phi_keys = phi::keys_for(&watched, &phi_roots);
    let phi_keys_left = cut(&mut phi_keys, phi::MOST_KEYS);
    let now = clock.moment().utc;
    let request = Request {
        id: bundle_id(&args.said, &host, now)?,
        kind,
        case: case(args, now)?,
        examiner: args.said.examiner.clone(),
        authority: args.said.authority.clone(),
        reason: reason(args)?,
        clock_reference: args.said.clock_reference.clone(),
        profile: args.profile,
        only: args.only.clone(),
        skip: args.skip.clone(),
        also,
        window: window(args, now)?,
        phi_roots,
        rules_unread,
        phi_roots_left,
        phi_keys,
        phi_keys_left,
        include_content: args.include_content,
        environ: args.environ,
        tools: !args.no_tools,
        limits: limits(args, &config, &host)?,
        tool: tool(),
        recipients: recipients.facts(),
        config: loaded,
        output: output(args, &config),
        argv: std::env::args_os().map(|argument| argument.as_encoded_bytes().to_vec()).collect(),
    };
    let mut catalog = Catalog::built_in()?;
    for folder in args.definitions.iter().chain(&config.collectors) {
        catalog.add_folder(folder)?;
    }
    let plan = Plan::make(&catalog, &request).map_err(|error| no_plan(error, &catalog))?;
    no_file_for_phi(&host, &request)?;
    Ok((host, request, plan))
}

/// Keeps `most` of them, and says how many are left out.
fn cut<T>(all: &mut Vec<T>, most: usize) -> usize {
    all.drain(most.min(all.len())..).count()
}

fn no_plan(error: PlanError, catalog: &Catalog) -> Failure {
    let failure = Failure::usage(&error);
    match error {
        PlanError::Unknown(wanted) => failure.hint(catalog.suggestion(&wanted)),
        PlanError::Needs(..) => failure.hint("add that option, or name another collector"),
        PlanError::Nothing => failure.hint("'phi-ir collectors' lists what there is to collect"),
    }
}

/// A file named with `--phi` would be listed alone, and look like a folder that holds nothing else.
fn no_file_for_phi(host: &Host, request: &Request) -> Result<(), Failure> {
    let is_none = |root: &&PhiRoot| {
        root.origin == "argument" && matches!(phi::obstacle(host, &root.path), Some(Obstacle::NotAFolder(_)))
    };
    match request.phi_roots.iter().find(is_none) {
        Some(root) => Err(Failure::usage(format!("--phi {}: not a folder", root.path))
            .hint("name the folder that holds PHI; a single file is taken with --also")),
        None => Ok(()),
    }
}

/// The config, if there is one.
pub fn load_config() -> Result<Option<LoadedConfig>, Failure> {
    config::load(std::env::var_os("PHI_IR_CONFIG").map(PathBuf::from)).map_err(|error| {
        let failure = Failure::new(&error);
        match error {
            ConfigError::Untrusted { .. } => {
                failure.hint("the config must be yours or root's, and nobody else may write it")
            }
            _ => failure.hint("mend the config; PHI_IR_CONFIG=/dev/null goes without one"),
        }
    })
}

/// Where the bundle goes; none for a pipe.
pub fn output(args: &Args, config: &Config) -> Option<PathBuf> {
    match args.output.as_deref().or(config.output.as_deref()) {
        Some(path) if path.as_os_str() == "-" => None,
        Some(path) => Some(path.to_owned()),
        None => Some(PathBuf::from(".")),
    }
}

/// A path as it is on the examined host. Relative ones are of the folder that this was started in, which is no place in
/// an image.
fn on_host(path: &Path, in_image: bool) -> Result<HostPath, Failure> {
    if in_image && path.is_relative() {
        return Err(Failure::usage(format!("{} is a relative path", path.display()))
            .hint("with --root, name it as it is called in the image: /srv/records"));
    }
    let absolute = std::path::absolute(path)?;
    HostPath::new(absolute.as_os_str().as_encoded_bytes()).map_err(Failure::usage)
}

/// Everything for which 'collect' would refuse to begin, as far as it can be told without asking for a secret.
/// That nobody is named who could open the bundle is none of it: a dry run needs no keys.
pub fn refusals(args: &Args, config: &Config, request: &Request, host: &Host) -> Vec<Failure> {
    let by_passphrase = args.passphrase || args.passphrase_fd.is_some();
    let keys = if by_passphrase { None } else { named_recipients(args, config).err() };
    let output = target::refusal(args, request.output.as_deref(), host);
    [keys, read_signer(args, config).err(), output].into_iter().flatten().collect()
}

fn recipients(args: &Args, config: &Config) -> Result<Recipients, Failure> {
    if args.passphrase || args.passphrase_fd.is_some() {
        room_for_passphrase().map_err(|error| {
            Failure::new(error).hint("give this process more (ulimit -v), or seal for a key with -r")
        })?;
    }
    if let Some(number) = args.passphrase_fd {
        return Ok(Recipients::Passphrase(keys::passphrase_from(number)?));
    }
    if args.passphrase {
        let first = keys::ask("passphrase for the bundle")?;
        if first.is_empty() || !first.equals(&keys::ask("the same again")?) {
            return Err(Failure::new("the two passphrases are not the same, or empty"));
        }
        return Ok(Recipients::Passphrase(first));
    }
    let recipients = named_recipients(args, config)?;
    if recipients.is_empty() {
        return Err(Failure::usage("nobody could open the bundle: no recipient was named")
            .hint("the compliance officer runs 'phi-ir keygen -o officer.key' on their own computer, and sends you")
            .hint("  the line that begins with age1; then: phi-ir collect -r age1…")
            .hint("if there is no time for that: phi-ir collect --passphrase, which leaves no key here"));
    }
    Ok(recipients)
}

/// Those of the command line; where it names none, those of the config.
fn named_recipients(args: &Args, config: &Config) -> Result<Recipients, Failure> {
    let mut recipients = Recipients::none();
    for key in &args.recipients {
        recipients.add(key, None, "argument", "-r").map_err(not_a_recipient)?;
    }
    if let Some(path) = &args.recipients_file {
        let text = keys::read_list(path)?;
        recipients.add_file(&text, "file", &path.display().to_string()).map_err(not_a_recipient)?;
    }
    if recipients.is_empty() {
        for one in &config.recipients {
            let label = one.label.as_deref().and_then(|label| Line::new(label).ok());
            recipients.add(&one.key, label, "config", "config").map_err(not_a_recipient)?;
        }
    }
    Ok(recipients)
}

fn not_a_recipient(error: KeyError) -> Failure {
    let failure = Failure::usage(&error);
    match error {
        KeyError::PrivateKey { .. } => {
            failure.hint("make a new key on the officer's own computer, and use its age1… line here")
        }
        KeyError::Twice { .. } => failure.hint("name each recipient once; a second key must be another one"),
        KeyError::Mistyped { .. } => failure.hint("copy the whole line again; do not type it"),
        KeyError::IsFile { .. } => failure.hint("a file of recipients goes with -R FILE"),
        _ => failure
            .hint("a recipient is the line that 'phi-ir keygen' or 'age-keygen' prints; it begins with age1"),
    }
}

fn signer(args: &Args, config: &Config) -> Result<SigningKey, Failure> {
    let Some((key, path)) = read_signer(args, config)? else { return Ok(SigningKey::one_run()?) };
    if !key.is_locked() {
        return Ok(key);
    }
    let passphrase = keys::ask(&format!("passphrase of {}", path.display())).map_err(|failure| {
        failure
            .hint("for runs without a terminal: a signing key without a passphrase, readable by root alone")
    })?;
    key.unlock(&passphrase).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

/// The signing key that was named or configured, still locked if it has a passphrase; and its file.
fn read_signer<'a>(args: &'a Args, config: &'a Config) -> Result<Option<(SigningKey, &'a Path)>, Failure> {
    let named = args.sign_with.as_deref().map(|path| (path, "file"));
    let Some((path, kind)) = named.or(config.sign_with.as_deref().map(|path| (path, "config"))) else {
        return Ok(None);
    };
    let key = SigningKey::read(&keys::read_key_file(path)?, kind).map_err(|error| {
        let failure = Failure::new(format!("{}: {error}", path.display()));
        match error {
            SigningError::NotAKey => failure.hint("make one with 'phi-ir keygen --signing -o host.key'"),
            _ => failure,
        }
    })?;
    Ok(Some((key, path)))
}

fn case(args: &Args, now: Timestamp) -> Result<Case, Failure> {
    let said = &args.said;
    let first_alert = said.first_alert.as_deref().map(|text| Timestamp::typed(text, now)).transpose();
    let first_alert = first_alert.map_err(|error| bad_time("--first-alert", error))?;
    if let Some(time) = first_alert.filter(|time| time.unix() < 0 || *time > now) {
        return Err(bad_time("--first-alert", format!("{} is no time of this incident", time.spoken())));
    }
    Ok(Case {
        id: said.case_id.clone(),
        evidence_no: said.evidence_no.clone(),
        description: said.description.clone(),
        first_alert,
        reported_by: said.reported_by.clone(),
        hold: said.hold,
        part2: said.part2,
        privileged: said.privileged,
    })
}

fn reason(args: &Args) -> Result<Option<Line>, Failure> {
    let text = match args.said.reason.as_deref() {
        Some("-") => Some(
            keys::read_text(std::io::stdin())
                .map_err(|why| Failure::new(format!("cannot read the reason from standard input: {why}")))?,
        ),
        other => other.map(str::to_owned),
    };
    let line = text.map(|text| Line::new(&text)).transpose();
    let line = line.map_err(|error| Failure::usage(format!("--reason: {error}")))?;
    if (args.include_content || args.environ) && line.is_none() {
        let option = if args.environ { "--environ" } else { "--include-content" };
        return Err(Failure::usage(format!("{option} needs --reason"))
            .hint("say why; it is sealed with what is taken (45 CFR 164.502(b))"));
    }
    Ok(line)
}

fn bad_time(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("{what}: {error}"))
        .hint("write it as 7d, 36h, 2026-11-14, or 2026-11-14T08:30:00Z (UTC)")
}

fn window(args: &Args, now: Timestamp) -> Result<Window, Failure> {
    let from = Timestamp::typed(&args.since, now).map_err(|error| bad_time("--since", error))?;
    // A clock that has lost its battery begins in 1970: the usual seven days back lie before that.
    let is_span = parse_span(&args.since).is_ok();
    let from = if is_span { from.max(Timestamp::from_unix(0, 0)) } else { from };
    if from > now {
        let words = format!("{} lies in the future; the host's clock says {}", from.spoken(), now.spoken());
        return Err(bad_time("--since", words));
    }
    if from.unix() < 0 {
        return Err(bad_time("--since", format!("{} is before there was a Unix", from.spoken())));
    }
    Ok(Window { from: Some(from), ..Window::default() })
}

fn limits(args: &Args, settings: &Config, host: &Host) -> Result<Limits, Failure> {
    let max_bytes = match &args.max_bytes {
        Some(text) => Some(config::parse_size(text).ok_or_else(|| {
            Failure::usage(format!("--max-bytes: cannot read {text:?} as a size"))
                .hint("write it as 500M or 20G")
        })?),
        None => settings.max_bytes,
    };
    let max_time = args.max_time.as_deref().or(settings.max_time.as_deref()).map(parse_span).transpose();
    let max_time = max_time
        .map_err(|error| Failure::usage(format!("--max-time: {error}")).hint("write it as 30m or 2h"))?;
    let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    Ok(Limits {
        max_bytes,
        max_cpu_percent: host.pace().ceiling(),
        max_time_ns: max_time.map(nanos),
        read_deadline_ns: nanos(READ_DEADLINE),
        audit_events: audit_budget::of(host).events(),
    })
}

/// What is typed goes before what is configured, and so does that others need not go first.
fn max_cpu(args: &Args, settings: &Config) -> Result<Option<u32>, Failure> {
    match &args.max_cpu {
        None => Ok(settings.max_cpu.filter(|_| !args.fast)),
        Some(text) => config::parse_percent(text).map(Some).ok_or_else(|| {
            Failure::usage(format!("--max-cpu: cannot read {text:?} as percent of one processor"))
                .hint("write it as 50, from 1 on; 200 is two processors")
        }),
    }
}

fn tool() -> Tool {
    Tool {
        name: env!("CARGO_PKG_NAME").into(),
        version: env!("CARGO_PKG_VERSION").into(),
        commit: env!("PHI_IR_COMMIT").into(),
        target: env!("PHI_IR_TARGET").into(),
        sha256: own_digest(),
    }
}
