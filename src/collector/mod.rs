//! What is taken, in which order, and by whom.
//!
//! A collector is a TOML file under `collectors/` (see the README there); native code is one of its steps. Here the
//! files are read ([`definition`]), chosen and ordered ([`catalog`], [`plan`]), and carried out ([`run`]).

pub mod audit_budget;
pub mod auditd;
pub mod ausearch;
pub mod catalog;
pub mod definition;
pub mod listed;
pub mod login_evidence;
pub mod native;
pub mod parts;
pub mod phi;
pub mod plan;
pub mod preview;
pub mod request;
pub mod run;
pub mod steps;
pub mod tables;
pub mod undigested;

use serde::{Deserialize, Serialize};

/// The order of volatility (RFC 3227, 2.1): what is lost first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Volatility {
    /// Sockets, routes, neighbours.
    Network,
    /// Processes.
    Process,
    /// Who is on.
    Session,
    /// What a reboot takes away.
    Temporary,
    /// What stays on disk.
    Persistent,
}

impl Volatility {
    /// The word, as in a definition.
    pub fn word(self) -> &'static str {
        match self {
            Volatility::Network => "network",
            Volatility::Process => "process",
            Volatility::Session => "session",
            Volatility::Temporary => "temporary",
            Volatility::Persistent => "persistent",
        }
    }
}

/// Collectors that speak of the run itself stand at its two ends, whatever the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bracket {
    /// Before everything else.
    Opening,
    /// After everything else.
    Closing,
}

/// How much is collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Only what a reboot takes away; seconds.
    Volatile,
    /// What an incident needs; minutes.
    #[default]
    Incident,
    /// What shows the state of the safeguards; for timers.
    Baseline,
    /// Everything in the catalogue.
    Full,
}

impl Profile {
    /// All of them, from the smallest.
    pub const ALL: [Profile; 4] = [Profile::Volatile, Profile::Incident, Profile::Baseline, Profile::Full];

    /// The word, as in a definition.
    pub fn word(self) -> &'static str {
        match self {
            Profile::Volatile => "volatile",
            Profile::Incident => "incident",
            Profile::Baseline => "baseline",
            Profile::Full => "full",
        }
    }
}
