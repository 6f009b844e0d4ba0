//! `generate`: manual pages and shell completions, for packagers. Hidden.

use std::io::{self, Write as _};

use clap::Command;
use clap_complete::Shell;

use crate::term::{Exit, Failure};

/// Print a manual page or shell completions
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// The manual page, of one verb if it is named
    Man {
        /// The verb
        verb: Option<String>,
    },
    /// Completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Prints it.
pub fn run(args: &Args, mut program: Command) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    match &args.what {
        What::Man { verb: None } => clap_mangen::Man::new(program).render(&mut text)?,
        What::Man { verb: Some(verb) } => {
            program.build();
            let page = program.find_subcommand(verb).cloned();
            let page = page.ok_or_else(|| Failure::usage(format!("there is no verb {verb:?}")))?;
            clap_mangen::Man::new(page).render(&mut text)?;
        }
        What::Completions { shell } => clap_complete::generate(*shell, &mut program, "phi-ir", &mut text),
    }
    io::stdout().write_all(&text)?;
    Ok(Exit::Done)
}
