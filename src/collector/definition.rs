//! One collector's file: TOML into steps. Every key is known or an error; `collectors/README.md` is its manual.

mod declared;
mod values;

use serde::Deserialize;

use super::{Bracket, Profile, Volatility};
use crate::config::{self, TomlError};
use crate::custody::completeness::Need;
use crate::custody::digest::Digest;
use crate::custody::entry::Phi;

pub use declared::{CopyStep, Judge, LinkStep, ListingStep, ToolStep};

/// A collector as it was read.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its id: the file's name without `.toml`.
    pub id: String,
    /// What it takes, in a few words.
    pub title: String,
    /// Why anybody wants it.
    pub why: String,
    /// Its place in the order of volatility; none for the two ends of a run.
    pub volatility: Option<Volatility>,
    /// Its end of the run, if it stands at one.
    pub bracket: Option<Bracket>,
    /// The profiles that it belongs to.
    pub profiles: Vec<Profile>,
    /// The clauses of 45 CFR that it serves.
    pub hipaa: Vec<String>,
    /// What its artifacts may hold of patients' information.
    pub phi: Phi,
    /// It needs root to be complete.
    pub needs_root: bool,
    /// It asks a running kernel.
    pub needs_live: bool,
    /// Collectors of the same volatility that come before it.
    pub after: Vec<String>,
    /// What it does, in this order.
    pub steps: Vec<Step>,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// The file's text, which is sealed with what it collected.
    pub text: String,
    /// `built in`, or where it was read from.
    pub origin: String,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its id, unique within the collector: `copy-1`.
    pub id: String,
    /// What it takes, if that is more than the collector's title.
    pub title: Option<String>,
    /// How much it matters.
    pub need: Need,
    /// What it does.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Code of ours, named like the collector.
    Native,
    /// Bytes and metadata of files.
    Copy(CopyStep),
    /// Metadata alone.
    Listing(ListingStep),
    /// Links and their targets.
    Link(LinkStep),
    /// What a host program prints.
    Tool(ToolStep),
}

impl Action {
    /// The word in the plan and in step ids.
    pub fn word(&self) -> &'static str {
        match self {
            Action::Native => "native",
            Action::Copy(_) => "copy",
            Action::Listing(_) => "listing",
            Action::Link(_) => "link",
            Action::Tool(_) => "tool",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    title: String,
    why: String,
    volatility: Option<Volatility>,
    bracket: Option<Bracket>,
    #[serde(default)]
    profiles: Vec<Profile>,
    #[serde(default)]
    hipaa: Vec<String>,
    phi: Phi,
    #[serde(default)]
    needs: Vec<Requirement>,
    #[serde(default)]
    after: Vec<String>,
    #[serde(default)]
    native: bool,
    #[serde(default)]
    derives: bool,
    #[serde(default)]
    need: Need,
    #[serde(default)]
    copy: Vec<CopyStep>,
    #[serde(default)]
    listing: Vec<ListingStep>,
    #[serde(default)]
    link: Vec<LinkStep>,
    #[serde(default)]
    tool: Vec<ToolStep>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Requirement {
    Root,
    Live,
}

impl Definition {
    /// Reads one file. `origin` is told to people and kept in the plan.
    pub fn parse(id: &str, text: &str, origin: &str) -> Result<Definition, TomlError> {
        let file = if origin == "built in" { format!("collectors/{id}.toml") } else { origin.to_owned() };
        let raw: Raw = config::parse_toml(&file, text)?;
        let fault = |message: &str| TomlError { file: file.clone(), line: 1, message: message.to_owned() };
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || id.len() > 40 || !id.chars().all(legal) {
            return Err(fault("a collector's file name is 1 to 40 of a-z, 0-9 and '-', and .toml"));
        }
        if raw.volatility.is_some() == raw.bracket.is_some() {
            return Err(fault("a collector has either 'volatility' or 'bracket'"));
        }
        if raw.derives && !raw.native {
            return Err(fault("'derives' says when the native code runs, and there is none"));
        }
        if !raw.derives && raw.copy.iter().any(|copy| copy.leave_above.is_some()) {
            return Err(fault("'leave_above' leaves files to native code that derives, and there is none"));
        }
        if raw.volatility.is_some() && raw.profiles.is_empty() {
            return Err(fault("'profiles' names no profile, so that the collector would never run"));
        }
        let steps = steps_of(&raw);
        if steps.is_empty() {
            return Err(fault("the collector has no step"));
        }
        check_steps(&steps).map_err(|message| fault(&message))?;
        Ok(Definition {
            id: id.to_owned(),
            title: raw.title,
            why: raw.why,
            volatility: raw.volatility,
            bracket: raw.bracket,
            profiles: raw.profiles,
            hipaa: raw.hipaa,
            phi: raw.phi,
            needs_root: raw.needs.contains(&Requirement::Root),
            needs_live: raw.needs.contains(&Requirement::Live),
            after: raw.after,
            steps,
            digest: Digest::of(text.as_bytes()),
            text: text.to_owned(),
            origin: origin.to_owned(),
        })
    }

    /// The words for its place in the order.
    pub fn place(&self) -> &'static str {
        match (self.bracket, self.volatility) {
            (Some(Bracket::Opening), _) => "opening",
            (Some(Bracket::Closing), _) => "closing",
            (None, Some(volatility)) => volatility.word(),
            (None, None) => "none",
        }
    }
}

fn steps_of(raw: &Raw) -> Vec<Step> {
    let native = raw.native.then(|| Step {
        id: "native".into(),
        title: None,
        need: raw.need.clone(),
        action: Action::Native,
    });
    let step = |word: &str, number: usize, title: &Option<String>, need: &Need, action| Step {
        id: format!("{word}-{number}"),
        title: title.clone(),
        need: need.clone(),
        action,
    };
    let kept = |s: &CopyStep| Action::Copy(CopyStep { keep: raw.derives, ..s.clone() });
    let copies = raw.copy.iter().zip(1..).map(|(s, n)| step("copy", n, &s.title, &s.need, kept(s)));
    let listed = |s: &ListingStep| Action::Listing(s.clone());
    let listings = raw.listing.iter().zip(1..).map(|(s, n)| step("listing", n, &s.title, &s.need, listed(s)));
    let links =
        raw.link.iter().zip(1..).map(|(s, n)| step("link", n, &s.title, &s.need, Action::Link(s.clone())));
    let tools =
        raw.tool.iter().zip(1..).map(|(s, n)| step("tool", n, &s.title, &s.need, Action::Tool(s.clone())));
    // Code that reads what was copied comes behind the copies; any other comes first.
    let (before, behind) = if raw.derives { (None, native) } else { (native, None) };
    before.into_iter().chain(copies).chain(listings).chain(links).chain(behind).chain(tools).collect()
}

fn check_steps(steps: &[Step]) -> Result<(), String> {
    for step in steps {
        let paths: &[String] = match &step.action {
            Action::Native => continue,
            Action::Copy(copy) => &copy.paths,
            Action::Listing(listing) => &listing.paths,
            Action::Link(link) => &link.paths,
            Action::Tool(tool) => {
                let name = tool.argv.first().map(String::as_str).unwrap_or_default();
                if name.is_empty() || name.contains(['/', '{']) {
                    return Err(format!("{}: 'argv' begins with a program's plain name", step.id));
                }
                continue;
            }
        };
        if paths.is_empty() {
            return Err(format!("{}: 'paths' names no path", step.id));
        }
        for path in paths {
            super::steps::check_path(path).map_err(|error| format!("{}: {error}", step.id))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custody::outcome::Outcome;
    use std::time::Duration;

    const WHOLE: &str = r#"
title      = "Audit trail"
why        = "Who opened which PHI file"
volatility = "persistent"
profiles   = ["incident", "full"]
hipaa      = ["164.312(b)"]
phi        = "metadata"
needs      = ["root"]
native     = true
[[copy]]
paths = ["/var/log/audit/audit.log*"]
need  = "any-of audit"
max_size = "64 MiB"
[[listing]]
paths = ["~/.ssh/*"]
[[link]]
paths = ["/etc/localtime"]
[[tool]]
argv = ["ausearch", "--input-logs", "-k", "{phi_keys}", "--raw"]
timeout = "120s"
exit = { 0 = "collected", 1 = "inconclusive" }
"#;

    #[test]
    fn a_whole_definition_is_read() {
        let definition = Definition::parse("audit-logs", WHOLE, "built in").unwrap();
        let ids: Vec<&str> = definition.steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids, ["native", "copy-1", "listing-1", "link-1", "tool-1"]);
        assert_eq!(definition.steps[1].need, Need::AnyOf("audit".into()));
        let Action::Copy(copy) = &definition.steps[1].action else { panic!() };
        assert_eq!(copy.max_size, Some(64 << 20));
        let Action::Tool(tool) = &definition.steps[4].action else { panic!() };
        assert_eq!((tool.timeout, tool.exit[&1]), (Duration::from_secs(120), Outcome::Inconclusive));
        assert!(definition.needs_root && !definition.needs_live);
        assert_eq!(definition.digest, Digest::of(WHOLE.as_bytes()));
        let text = WHOLE.replace("= true", "= true\nderives = true");
        let definition = Definition::parse("audit-logs", &text, "built in").unwrap();
        let ids: Vec<&str> = definition.steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids, ["copy-1", "listing-1", "link-1", "native", "tool-1"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let error = |text: &str| Definition::parse("x", text, "/etc/c/x.toml").unwrap_err().to_string();
        assert_eq!(
            error(&WHOLE.replace("hipaa ", "hippa ")),
            "/etc/c/x.toml:6: unknown key 'hippa'; the nearest known one is 'hipaa'"
        );
        assert!(error(&WHOLE.replace("paths = [\"~/.ssh/*\"]", "path = [\"~/.ssh/*\"]")).contains(":15:"));
        assert!(error(&WHOLE.replace("\"persistent\"", "\"permanent\"")).contains("'persistent'"));
        assert!(error(&WHOLE.replace("/var/log/audit", "var/log/audit")).contains("not an absolute path"));
        assert!(error(&WHOLE.replace("\"ausearch\"", "\"/sbin/ausearch\"")).contains("plain name"));
        assert!(error(&WHOLE.replace("[\"incident\", \"full\"]", "[]")).contains("never run"));
        assert!(error(&WHOLE.replace("64 MiB", "64 mib")).contains("no size"));
        assert!(error(&WHOLE.replace("max_size", "leave_above")).contains("that derives"));
        assert!(Definition::parse("Bad_Name", WHOLE, "built in").is_err());
    }
}
