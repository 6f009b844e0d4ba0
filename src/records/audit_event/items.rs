//! The names of an event: what its PATH records say of the files that a call was given or met (kernel/auditsc.c,
//! `audit_log_name`). What a name means only the working directory and the arguments tell; see `names`.

use std::borrow::Cow;

use crate::records::audit_log::Record;

/// The type bits of a mode, and a directory's.
const S_IFMT: u32 = 0o170_000;
const S_IFDIR: u32 = 0o040_000;
const S_IFREG: u32 = 0o100_000;

/// What the kernel calls one file: the device and the inode on it. Equal ones are the same file, while it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// The machine, as the reader numbers those that log into one place; 0 for the first.
    pub system: u32,
    /// Major number of the device, as the kernel logs it: not what stat(2) says on btrfs and overlayfs.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
    /// Inode number.
    pub inode: u64,
}

/// What a PATH record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameType {
    /// A file that the call was given.
    Normal,
    /// The directory of one that was made or taken away.
    Parent,
    /// What was taken away.
    Delete,
    /// What was made.
    Create,
    /// Nothing was found by that name; or the kernel is too old to say.
    Unknown,
}

/// A name as it was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name<'a> {
    /// The bytes that the program gave, or that the kernel put in their place.
    Given(Cow<'a, [u8]>),
    /// None: the call was given an open file.
    Absent,
    /// Longer than the kernel logs (`<too_long>`), or it had no room for it (`<no_memory>`).
    Left,
}

/// One PATH record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its place among the names of the call.
    pub number: u32,
    /// The name.
    pub name: Name<'a>,
    /// The file; none where it was not found.
    pub id: Option<FileId>,
    /// Type and permissions.
    pub mode: Option<u32>,
    /// The owner.
    pub ouid: Option<u32>,
    /// The owning group.
    pub ogid: Option<u32>,
    /// What it is about.
    pub kind: NameType,
}

impl<'a> Item<'a> {
    /// Of a PATH record.
    pub fn of(record: &Record<'a>) -> Item<'a> {
        let mut item = Item {
            number: 0,
            name: Name::Absent,
            id: None,
            mode: None,
            ouid: None,
            ogid: None,
            kind: NameType::Unknown,
        };
        let (mut inode, mut device) = (None, None);
        for (field, value) in record.fields() {
            match field {
                b"item" => item.number = decimal(value).unwrap_or(u32::MAX),
                b"name" => item.name = name(value),
                b"inode" => inode = decimal(value),
                b"dev" => device = device_of(value),
                b"mode" => item.mode = radix(value, 8),
                b"ouid" => item.ouid = decimal(value),
                b"ogid" => item.ogid = decimal(value),
                b"nametype" | b"objtype" => item.kind = kind(value),
                _ => {}
            }
        }
        item.id = inode.zip(device).map(|(inode, (major, minor))| FileId { system: 0, major, minor, inode });
        item
    }

    /// The bytes of its name, if it has one.
    pub fn given(&self) -> Option<&[u8]> {
        match &self.name {
            Name::Given(name) if !name.is_empty() => Some(name),
            _ => None,
        }
    }

    /// Whether it is a directory; none where that is not logged.
    pub fn is_directory(&self) -> Option<bool> {
        self.mode.map(|mode| mode & S_IFMT == S_IFDIR)
    }

    /// Whether it is a file with content of its own.
    pub fn is_regular(&self) -> bool {
        self.mode.is_some_and(|mode| mode & S_IFMT == S_IFREG)
    }

    /// Its type in a word; none where that is not logged.
    pub fn file_type(&self) -> Option<&'static str> {
        Some(match self.mode? & S_IFMT {
            0o010_000 => "fifo",
            0o020_000 => "character_device",
            S_IFDIR => "directory",
            0o060_000 => "block_device",
            S_IFREG => "file",
            0o120_000 => "link",
            0o140_000 => "socket",
            _ => return None,
        })
    }
}

/// In the order of the call.
pub fn sorted<'a>(records: impl Iterator<Item = Record<'a>>) -> Vec<Item<'a>> {
    let mut items: Vec<Item<'a>> =
        records.filter(|record| record.kind == b"PATH").map(|record| Item::of(&record)).collect();
    items.sort_by_key(|item| item.number);
    items
}

fn name(value: &[u8]) -> Name<'_> {
    match value.strip_prefix(b"\"") {
        Some(b"<too_long>\"" | b"<no_memory>\"") => Name::Left,
        Some(quoted) => Name::Given(Cow::Borrowed(quoted.strip_suffix(b"\"").unwrap_or(quoted))),
        None if matches!(value, b"<too_long>" | b"<no_memory>") => Name::Left,
        None => match crate::records::audit_log::untrusted(value) {
            Some(name) => Name::Given(Cow::Owned(name)),
            None => Name::Absent,
        },
    }
}

fn kind(value: &[u8]) -> NameType {
    match value {
        b"NORMAL" => NameType::Normal,
        b"PARENT" => NameType::Parent,
        b"DELETE" => NameType::Delete,
        b"CREATE" => NameType::Create,
        _ => NameType::Unknown,
    }
}

/// `fe:00`
fn device_of(value: &[u8]) -> Option<(u32, u32)> {
    let mut parts = value.splitn(2, |byte| *byte == b':');
    Some((radix(parts.next()?, 16)?, radix(parts.next()?, 16)?))
}

/// A number in digits.
pub(super) fn decimal<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn radix(value: &[u8], radix: u32) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(value).ok()?, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::audit_event::Event;

    fn item(fields: &str) -> (Option<Vec<u8>>, Name<'static>) {
        let line = format!("type=PATH msg=audit(1.0:1): {fields}");
        let event = Event::of(&[line.as_bytes()]).unwrap();
        let item = sorted(event.records()).remove(0);
        let name = match item.name.clone() {
            Name::Given(name) => Name::Given(Cow::Owned(name.into_owned())),
            Name::Absent => Name::Absent,
            Name::Left => Name::Left,
        };
        (item.given().map(<[u8]>::to_vec), name)
    }

    #[test]
    fn a_name_is_what_the_program_gave_and_quoted_digits_are_no_hexadecimal() {
        assert_eq!(item("item=0 name=\"41\"").0.unwrap(), b"41");
        assert_eq!(item("item=0 name=41").0.unwrap(), b"A");
        assert_eq!(item("item=0 name=2F612062").0.unwrap(), b"/a b");
        assert_eq!(item("item=0 name=(null) inode=3").1, Name::Absent);
        assert_eq!(item("item=0 name=\"<too_long>\"").1, Name::Left);
        assert_eq!(item("item=0 name=<no_memory>").1, Name::Left);
        // 12 kB, as a program may give it and the kernel refuses it.
        let long = "41".repeat(12_000);
        assert_eq!(item(&format!("item=0 name={long}")).0.unwrap().len(), 12_000);
    }

    #[test]
    fn items_come_in_the_order_of_the_call_with_the_words_of_old_kernels_too() {
        let event = Event::of(&[
            b"type=PATH msg=audit(1.0:1): item=1 name=\"x\" inode=7 dev=fe:10 mode=0100640 ouid=5 ogid=6 rdev=00:00 nametype=DELETE",
            b"type=PATH msg=audit(1.0:1): item=0 name=\"/d/\" inode=2 dev=08:01 mode=040755 ouid=0 ogid=0 rdev=00:00 objtype=PARENT",
        ])
        .unwrap();
        let items = sorted(event.records());
        assert_eq!(items[0].kind, NameType::Parent);
        assert_eq!((items[0].is_directory(), items[0].file_type()), (Some(true), Some("directory")));
        assert_eq!(items[1].id, Some(FileId { system: 0, major: 0xfe, minor: 0x10, inode: 7 }));
        assert_eq!((items[1].mode, items[1].ouid, items[1].ogid), (Some(0o100_640), Some(5), Some(6)));
        assert!(items[1].is_regular());
    }
}
