//! What the run was told: the config as it was read, who can open the bundle, and the limits.

use serde::Serialize;

use crate::collector::run::Run;
use crate::custody::entry::{Kind, Source};
use crate::custody::json;
use crate::custody::ledger::Draft;
use crate::custody::member::Member;
use crate::custody::plan::Limits;
use crate::custody::seal::Recipient;
use crate::intake::Halt;
use crate::path::shown;

#[derive(Serialize)]
struct Settings<'a> {
    /// The config's exact text; none if there is no config.
    config: Option<&'a str>,
    /// Where it was.
    config_path: Option<String>,
    /// Where the bundle goes.
    output: Option<String>,
    /// Who can open it.
    recipients: &'a [Recipient],
}

/// Seals both.
pub fn collect(run: &mut Run<'_, '_>) -> Result<(), Halt> {
    let path = |path: &std::path::PathBuf| shown(path.as_os_str().as_encoded_bytes());
    let config = run.request.config.as_ref();
    let settings = Settings {
        config: config.map(|config| config.text.as_str()),
        config_path: config.map(|config| path(&config.path)),
        output: run.request.output.as_ref().map(path),
        recipients: &run.request.recipients,
    };
    seal(run, "config", "config.json", "The settings of this run", json::document(&settings)?)?;
    let limits: &Limits = &run.request.limits;
    seal(run, "limits", "limits.json", "The limits of this run", json::document(limits)?)
}

fn seal(run: &mut Run<'_, '_>, role: &str, name: &str, title: &str, bytes: Vec<u8>) -> Result<(), Halt> {
    let mut draft = Draft::new(Kind::Capture, Source::text("this run"), run.intake.now());
    draft.title = Some(title.into());
    let entry = run.intake.capture(Member::of_live("settings", name), draft, bytes)?;
    run.intake.remember(role, entry);
    Ok(())
}
