//! Walks an opened bundle once: measures every member, feeds the inspector, and unpacks where that is asked.

use std::io::{self, Read, Seek};

use super::container::headers::Record;
use super::container::{Container, ContainerError};
use crate::clock::Timestamp;
use crate::custody::Sealed;
use crate::custody::digest::Hasher;
use crate::custody::inspector::{Inspection, Inspector};
use crate::custody::member::{Member, Members};
use crate::custody::verdict::{Finding, FindingCode};

/// Where members go that are unpacked on the way.
pub trait Unpack {
    /// So many bytes will come at most.
    fn expect(&mut self, _bytes: u64) -> io::Result<()> {
        Ok(())
    }
    /// A member begins.
    fn begin(&mut self, member: &Member, modified: Timestamp) -> io::Result<()>;
    /// More of it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// It ends.
    fn end(&mut self) -> io::Result<()>;
}

/// Nothing is unpacked.
pub struct Nowhere;

impl Unpack for Nowhere {
    fn begin(&mut self, _: &Member, _: Timestamp) -> io::Result<()> {
        Ok(())
    }
    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Inspects the archive in `source` and unpacks it into `sink`. Whatever is wrong with the bundle becomes a
/// finding; only a sink that takes no more is an error. Also gives the bundle's folder, which is its id.
pub fn inspect<R: Read + Seek>(
    source: R,
    sink: &mut dyn Unpack,
) -> Result<(Inspection, Option<String>), io::Error> {
    let mut inspector = Inspector::default();
    let container = match Container::open(source) {
        Ok(container) => container,
        Err(error) => {
            inspector.report(finding_of(error)?);
            return Ok((inspector.abandon(), None));
        }
    };
    sink.expect(container.records().iter().fold(0, |sum: u64, record| sum.saturating_add(record.size)))?;
    let folder = container.records().first().and_then(|first| Some(first.name.split_once('/')?.0.to_owned()));
    let mut names = Members::default();
    let walked = container.walk(|record, content| {
        let name = within(record, folder.as_deref(), &mut inspector);
        // Two of one name, or of names that one desktop cannot tell apart, or one that is another's folder: tools
        // differ in which they unpack.
        let fresh = Member::parse(&name).map_or(true, |member| names.admit(&member));
        if !fresh {
            let words =
                "a member before it has this name, or has it for a folder, or is a folder of its name";
            inspector.report(Finding::new(FindingCode::MemberName, &name, words));
        }
        let sink: &mut dyn Unpack = if fresh { &mut *sink } else { &mut Nowhere };
        let limit = inspector.wanted(&name);
        let (sealed, kept) = measure(&name, record, content, limit, sink)?;
        inspector.member(&name, sealed, record.modified, kept);
        Ok(())
    });
    match walked {
        Ok(()) => Ok((inspector.finish(), folder)),
        Err(error) => {
            inspector.report(finding_of(error)?);
            Ok((inspector.abandon(), folder))
        }
    }
}

/// The member's name within the bundle's folder.
fn within(record: &Record, folder: Option<&str>, inspector: &mut Inspector) -> String {
    match record.name.split_once('/') {
        Some((top, name)) if Some(top) == folder => name.to_owned(),
        _ => {
            let words = "it lies outside the bundle's folder";
            inspector.report(Finding::new(FindingCode::MemberName, &record.name, words));
            record.name.clone()
        }
    }
}

fn measure(
    name: &str,
    record: &Record,
    content: &mut dyn Read,
    limit: Option<usize>,
    sink: &mut dyn Unpack,
) -> Result<(Sealed, Option<Vec<u8>>), ContainerError> {
    // A name that we would never give is reported by the inspector, and never touches a file system.
    let mut target = Member::parse(name).ok().map(|member| (member, sink));
    if let Some((member, sink)) = &mut target {
        sink.begin(member, Timestamp::from_unix(record.modified, 0)).map_err(ContainerError::Sink)?;
    }
    let mut kept = Vec::new();
    let mut hasher = Hasher::new();
    let mut size = 0_u64;
    let mut buffer = vec![0; 128 << 10];
    loop {
        let count = match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        hasher.update(bytes);
        size += count as u64;
        if limit.is_some_and(|limit| kept.len() <= limit) {
            kept.extend_from_slice(bytes);
        }
        if let Some((_, sink)) = &mut target {
            sink.write(bytes).map_err(ContainerError::Sink)?;
        }
    }
    if let Some((_, sink)) = &mut target {
        sink.end().map_err(ContainerError::Sink)?;
    }
    Ok((Sealed { size, sha256: hasher.finish() }, limit.map(|_| kept)))
}

fn finding_of(error: ContainerError) -> Result<Finding, io::Error> {
    let words = error.to_string();
    match error {
        ContainerError::Structure { place, words } => {
            Ok(Finding::new(FindingCode::ArchiveStructure, place, words))
        }
        ContainerError::HeadersDiffer { place, what } => {
            let words = format!("its own header and the directory disagree on {what}");
            Ok(Finding::new(FindingCode::ArchiveHeadersDiffer, place, words))
        }
        ContainerError::Damaged { place, words } => {
            Ok(Finding::new(FindingCode::MemberDamaged, place, words))
        }
        ContainerError::Io(_) => Ok(Finding::new(FindingCode::SealedFileDamaged, "sealed file", words)),
        ContainerError::Sink(error) => Err(error),
    }
}
