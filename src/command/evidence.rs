//! What the verbs that answer questions read: a sealed bundle, the folder of an opened one, the root of an image, or plain
//! files that somebody names. All of them give the same: logs, by kind, in the order of their time; what counts as PHI;
//! and what was looked for and is not here.

mod ahead;
mod bundle;
mod files;
mod first;
mod lacks;
mod order;
mod root;
mod what;
mod zone;

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::asked::PhiArgs;
use super::keys::OpenWith;
use super::verify::TrustArgs;
use crate::clock::Timestamp;
use crate::custody::entry::{Entry, EntryId};
use crate::path::HostPath;
use crate::records::audit_config::number_of;
use crate::records::tzif::Zone;
use crate::seal::spill::{Bytes, BytesIn};
use crate::term::{Failure, Voice, bytes};
use crate::view::coverage::Kernel;
use crate::view::events::tables::Reader;

pub use order::numbered;
pub use what::What;

/// Bytes of a file that is read back and forth: journald lets one grow to 128 MiB unless it is told otherwise (journald.conf(5)).
const HELD: u64 = 4 << 30;
/// Bytes of one that are held in memory.
const IN_MEMORY: usize = 4 << 20;
/// Bytes of a small file, as /etc/passwd.
const SMALL: usize = 16 << 20;

/// Where the evidence is.
#[derive(clap::Args, Debug)]
pub struct EvidenceArgs {
    /// A sealed bundle (with -i KEY or --passphrase), or the folder that 'open' made of one
    #[arg(value_name = "BUNDLE", conflicts_with_all = ["root", "audit", "auth", "wtmp", "btmp", "journal"])]
    bundle: Option<PathBuf>,
    /// The receipt, where it does not lie beside the sealed file under its own name
    #[arg(long, value_name = "FILE", requires = "bundle")]
    receipt: Option<PathBuf>,
    #[command(flatten)]
    open_with: OpenWith,
    #[command(flatten)]
    trust: TrustArgs,
    /// The root of an examined host, such as a mounted image; links do not lead out of it
    #[arg(long, value_name = "DIR", conflicts_with_all = ["audit", "auth", "wtmp", "btmp", "journal"])]
    root: Option<PathBuf>,
    /// Audit logs, rotated and compressed ones too; their order does not matter
    #[arg(long, value_name = "FILE", num_args = 1..)]
    audit: Vec<PathBuf>,
    /// Authentication logs, as auth.log, secure, messages, syslog
    #[arg(long, value_name = "FILE", num_args = 1..)]
    auth: Vec<PathBuf>,
    /// Files of logins and logouts (utmp(5))
    #[arg(long, value_name = "FILE", num_args = 1..)]
    wtmp: Vec<PathBuf>,
    /// Files of failed logins
    #[arg(long, value_name = "FILE", num_args = 1..)]
    btmp: Vec<PathBuf>,
    /// Files of systemd-journald, a folder that holds them, or what journalctl -o export wrote
    #[arg(long, value_name = "DIR|FILE", num_args = 1..)]
    journal: Vec<PathBuf>,
    #[command(flatten)]
    phi: PhiArgs,
}

/// One log.
#[derive(Clone, Debug)]
pub struct Log {
    /// In a bundle the number of its entry; else counted from 1 in the order in which they are read.
    pub number: u32,
    /// What it is.
    pub what: What,
    /// As a person knows it: its path, escaped.
    pub name: String,
    /// Where it lay on the examined host, if that is known.
    pub path: Option<HostPath>,
    /// Its bytes, as it lies.
    pub size: u64,
    /// When it was last changed, as it claims.
    pub modified: Option<Timestamp>,
    /// Its entry in the bundle.
    pub entry: Option<EntryId>,
    /// When its first record was made; known of audit logs, wtmp and btmp.
    pub first: Option<Timestamp>,
    /// What reads its rows, if it is a table of a bundle.
    pub table: Option<Reader>,
    /// Its place in whatever it is read from.
    at: usize,
}

/// Something that was looked for and is not here, or could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// What it would have been.
    pub what: What,
    /// Which it is, and why it is not here; in words, escaped.
    pub words: String,
    /// The plan of the collection left it out, for nobody could expect it: it is told, and is no gap.
    pub by_plan: bool,
}

/// The run that made a bundle: its own traces stand in the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRun {
    /// Its process.
    pub pid: u32,
    /// When that started, in clock ticks since boot.
    pub start_ticks: Option<u64>,
    /// The same by the clock of the host.
    pub started: Option<Timestamp>,
    /// Of which boot.
    pub boot_id: Option<String>,
}

/// Gives the bytes of logs.
trait Reads: Sync {
    /// The bytes of the log at this place, piece by piece, until `each` has had enough.
    fn read(&self, at: usize, each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), Failure>;

    /// The entries of a bundle, in their order; of anything else there are none.
    fn entries(&self, _: &mut dyn FnMut(&Entry)) -> Result<(), Failure> {
        Ok(())
    }

    /// All that the entry of a bundle says whose log stands at this place; of anything else there is none.
    fn entry(&self, _: usize) -> Result<Option<Entry>, Failure> {
        Ok(None)
    }
}

/// All that can be asked.
pub struct Evidence {
    logs: Vec<Log>,
    reader: Box<dyn Reads>,
    /// What was looked for and is not here.
    pub absent: Vec<Absent>,
    /// What is odd about the logs that are here, in words.
    pub notes: Vec<String>,
    /// What is to be known of them, and no lack by itself, in words.
    pub remarks: Vec<String>,
    /// The folders that hold PHI.
    pub phi_roots: Vec<HostPath>,
    /// Those that the plan names, each by all of its paths.
    pub phi_folders: Vec<Vec<HostPath>>,
    /// The audit keys of the rules that watch them.
    pub phi_keys: Vec<Vec<u8>>,
    /// When the evidence was collected.
    pub collected: Option<Timestamp>,
    /// When the collection began.
    pub began: Option<Timestamp>,
    /// What the examined kernel said of auditing when it was asked last.
    pub kernel: Kernel,
    /// The run that collected it on the examined host.
    pub own: Option<OwnRun>,
    /// Begin and end of the collection, as the seal has them.
    pub run: Option<(Timestamp, Timestamp)>,
    /// The bundle's id.
    pub bundle: Option<String>,
    /// The zone of the examined host, as its /etc/localtime has it.
    pub zone: Option<Zone>,
    /// Where what does not fit into memory waits, encrypted.
    pub temp: PathBuf,
    /// The file that auditd wrote.
    audit_log: HostPath,
}

/// Bytes at any place of a file.
pub trait At {
    /// How many there are.
    fn size(&self) -> u64;
    /// Those from `offset` on, as many as the buffer takes and there are.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Fills the whole buffer from `offset` on; none if there are not so many, or they cannot be read.
    fn fill(&self, offset: u64, buffer: &mut [u8]) -> Option<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_at(offset + filled as u64, buffer.get_mut(filled..)?) {
                Ok(0) | Err(_) => return None,
                Ok(count) => filled += count,
            }
        }
        Some(())
    }
}

impl At for Bytes {
    fn size(&self) -> u64 {
        self.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_at(offset, buffer)
    }
}

impl EvidenceArgs {
    /// Opens what was named. Of the kinds that are `wanted`, those are told that are not here.
    pub fn gather(&self, wanted: &[What], now: Timestamp, voice: Voice) -> Result<Evidence, Failure> {
        let mut evidence = match (&self.bundle, &self.root) {
            (Some(path), _) if path.is_dir() => bundle::opened(path, voice)?,
            (Some(path), _) => self.sealed(path, now, voice)?,
            (None, Some(path)) if bundle::is_opened(path) => bundle::opened(path, voice)?,
            (None, Some(path)) => root::of(path, wanted)?,
            (None, None) => files::of(&self.named(), wanted)?,
        };
        self.phi.add_to(&mut evidence.phi_roots, &mut evidence.phi_keys)?;
        evidence.absent.retain(|absent| wanted.contains(&absent.what));
        for what in wanted {
            let is_told = evidence.absent.iter().any(|absent| absent.what == *what && !absent.by_plan);
            if !is_told && evidence.logs(*what).next().is_none() {
                evidence.lack(*what, format!("{}: there are none in the evidence", what.words()));
            }
        }
        evidence.put_in_order(wanted, now);
        Ok(evidence)
    }

    /// Whether plain files were named, and nothing that holds several kinds of them.
    pub fn is_plain(&self) -> bool {
        self.bundle.is_none() && self.root.is_none()
    }

    fn sealed(&self, path: &std::path::Path, now: Timestamp, voice: Voice) -> Result<Evidence, Failure> {
        let identities = self.open_with.identities()?.ok_or_else(|| {
            Failure::usage("a bundle opens only with a key or a passphrase")
                .hint("name the key with -i KEY, or use --passphrase")
        })?;
        bundle::sealed(path, self.receipt.as_deref(), &identities, &self.trust, now, voice)
    }

    /// The files that were named, with what they were named as.
    fn named(&self) -> Vec<(What, PathBuf)> {
        let lists = [
            (What::Audit, &self.audit),
            (What::Auth, &self.auth),
            (What::Wtmp, &self.wtmp),
            (What::Btmp, &self.btmp),
            (What::Journal, &self.journal),
        ];
        lists
            .into_iter()
            .flat_map(|(what, paths)| paths.iter().map(move |path| (what, path.clone())))
            .collect()
    }
}

impl Evidence {
    fn new(logs: Vec<Log>, reader: Box<dyn Reads>, audit_log: HostPath) -> Evidence {
        Evidence {
            logs,
            reader,
            absent: Vec::new(),
            notes: Vec::new(),
            remarks: Vec::new(),
            phi_roots: Vec::new(),
            phi_folders: Vec::new(),
            phi_keys: Vec::new(),
            collected: None,
            began: None,
            kernel: Kernel::default(),
            own: None,
            run: None,
            bundle: None,
            zone: None,
            temp: std::env::temp_dir(),
            audit_log,
        }
    }

    /// The logs of one kind, the oldest first.
    pub fn logs(&self, what: What) -> impl Iterator<Item = &Log> {
        self.logs.iter().filter(move |log| log.what == what)
    }

    /// Which of its rotation an audit log is, 0 for the one that was being written.
    pub fn rotation(&self, log: &Log) -> Option<u64> {
        number_of(log.path.as_ref()?.name(), self.audit_log.name())
    }

    /// The text of /etc/passwd; empty where it is not here.
    pub fn passwd(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for log in self.logs(What::Passwd) {
            // What cannot be read names nobody; numbers stand for themselves then.
            let _ = self.read_while(log, &mut |bytes| {
                text.extend_from_slice(bytes);
                if text.len() > SMALL { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
        }
        text
    }

    /// The process that collected, where it ran on the examined host, with when it began and ended.
    pub fn own_process(&self) -> Option<(u32, Timestamp, Timestamp)> {
        let own = self.own.as_ref()?;
        let (began, ended) = self.run.unzip();
        Some((own.pid, own.started.or(began).or(self.began)?, ended.or(self.collected)?))
    }

    /// The bytes of a log, as it lies.
    pub fn read(&self, log: &Log, each: &mut dyn FnMut(&[u8])) -> Result<(), Failure> {
        self.read_while(log, &mut |bytes| {
            each(bytes);
            ControlFlow::Continue(())
        })
    }

    /// The same, until `each` has had enough.
    pub fn read_while(
        &self,
        log: &Log,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), Failure> {
        self.reader.read(log.at, each)
    }

    /// A log that is read back and forth, as a journal is: what does not fit into memory waits in [`Evidence::temp`], encrypted.
    /// What is too large is refused, and whoever asks tells it.
    pub fn hold(&self, log: &Log) -> Result<Box<dyn At>, Failure> {
        let too_large = || {
            let most = bytes(HELD);
            Failure::new(format!("{}: it is larger than the {most} of one file that are read", log.name))
                .hint("open the bundle and read it with 'journalctl --file'")
        };
        let cannot = |error: io::Error| {
            Failure::new(format!("{}: it cannot be read back and forth: {error}", log.name))
        };
        if log.size > HELD {
            return Err(too_large());
        }
        let (mut held, mut lost) = (BytesIn::new(IN_MEMORY, &self.temp), None);
        self.read_while(log, &mut |bytes| {
            lost = held.push(bytes).err();
            if lost.is_some() || held.size() > HELD {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        match lost {
            Some(error) => Err(cannot(error)),
            None if held.size() > HELD => Err(too_large()),
            None => Ok(Box::new(held.finish().map_err(cannot)?)),
        }
    }

    /// The entries of a bundle, in their order; of anything else there are none.
    pub fn entries(&self, each: &mut dyn FnMut(&Entry)) -> Result<(), Failure> {
        self.reader.entries(each)
    }

    /// Something of this kind is not here.
    fn lack(&mut self, what: What, words: impl Into<String>) {
        self.absent.push(Absent { what, words: words.into(), by_plan: false });
    }
}
