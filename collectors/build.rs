//! Embeds the catalogue: every `collectors/*.toml` becomes one `(id, text)` pair, so that adding a declared collector
//! touches one file. Also records which commit was built, and for what.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=collectors");
    println!("cargo:rerun-if-changed=.git/HEAD");
    println!("cargo:rerun-if-changed=.git/logs/HEAD");
    println!("cargo:rustc-env=PHI_IR_TARGET={}", env::var("TARGET")?);
    println!("cargo:rustc-env=PHI_IR_COMMIT={}", commit().unwrap_or_else(|| "unknown".into()));

    let mut ids = Vec::new();
    for found in fs::read_dir("collectors")? {
        let name = found?.file_name();
        if let Some(id) = name.to_str().and_then(|name| name.strip_suffix(".toml")) {
            ids.push(id.to_owned());
        }
    }
    ids.sort();
    let root = env::var("CARGO_MANIFEST_DIR")?;
    let mut table = String::from("&[\n");
    for id in ids {
        let file = format!("{root}/collectors/{id}.toml");
        writeln!(table, "    ({id:?}, include_str!({file:?})),")?;
    }
    table.push(']');
    Ok(fs::write(Path::new(&env::var("OUT_DIR")?).join("catalogue.rs"), table)?)
}

/// The commit of the source tree, with `-dirty` where it was changed; none outside a checkout.
fn commit() -> Option<String> {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
    };
    let head = git(&["rev-parse", "HEAD"])?;
    let dirty = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|text| !text.is_empty());
    Some(if dirty { head + "-dirty" } else { head })
}
