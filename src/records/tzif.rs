//! Time zones as `/etc/localtime` holds them: TZif, versions 1 to 3 (RFC 9636, before it RFC 8536; tzfile(5)), with the rule
//! behind the table for the years after it (POSIX TZ, tzset(3)). Pure bytes; leap seconds in `right/` files are not counted.

mod rule;

use rule::Rule;

/// Entries of a table that are taken: real ones have fewer than 300.
const MOST: usize = 4_096;
/// Further from UTC than this no zone is, in seconds (RFC 9636 section 3.2).
const FARTHEST: i32 = 26 * 3_600;

/// The offsets of a place from UTC through the years.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// Before the first change.
    first: i32,
    /// From when, in seconds since 1970 UTC, which offset holds, in seconds east.
    changes: Vec<(i64, i32)>,
    /// What holds after the last change.
    rule: Option<Rule>,
}

/// What a local time is in UTC, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It was once.
    Once(i64),
    /// It was twice, as the clock was set back: the earlier and the later.
    Twice(i64, i64),
    /// It never was, as the clock was set forward over it: by the offset from before.
    Never(i64),
}

impl Placed {
    /// The only one, or the first.
    pub fn first(self) -> i64 {
        match self {
            Placed::Once(time) | Placed::Twice(time, _) | Placed::Never(time) => time,
        }
    }
}

impl Zone {
    /// A zone that is always so many seconds east of UTC.
    pub fn fixed(east: i32) -> Zone {
        Zone { first: east.clamp(-FARTHEST, FARTHEST), ..Zone::default() }
    }

    /// UTC.
    pub fn utc() -> Zone {
        Zone::fixed(0)
    }

    /// From the bytes of a file; none if they are no TZif, or cut off.
    pub fn parse(bytes: &[u8]) -> Option<Zone> {
        let (header, rest) = Header::parse(bytes)?;
        if header.version < b'2' {
            return header.table(rest.get(..header.length(4))?, 4);
        }
        // The first table is for readers of version 1.
        let (header, rest) = Header::parse(rest.get(header.length(4)..)?)?;
        let (table, footer) = rest.split_at_checked(header.length(8))?;
        let mut zone = header.table(table, 8)?;
        let text = footer.strip_prefix(b"\n").and_then(|rest| rest.split(|byte| *byte == b'\n').next());
        zone.rule = text.and_then(Rule::parse);
        Some(zone)
    }

    /// Seconds east of UTC at a time in seconds since 1970.
    pub fn offset(&self, utc: i64) -> i32 {
        let behind = self.changes.partition_point(|(from, _)| *from <= utc);
        let in_table = behind.checked_sub(1).and_then(|at| self.changes.get(at)).map(|(_, east)| *east);
        match &self.rule {
            Some(rule) if behind == self.changes.len() => rule.offset(utc),
            _ => in_table.unwrap_or(self.first),
        }
    }

    /// The UTC of a local time, given in seconds as if it were UTC.
    pub fn place(&self, local: i64) -> Placed {
        // No zone is further away than this, and none changes twice within it.
        let (before, after) = (self.offset(local - 100_000), self.offset(local + 100_000));
        let holds =
            |east: i32| (self.offset(local - i64::from(east)) == east).then_some(local - i64::from(east));
        match (holds(before), holds(after)) {
            (Some(one), Some(other)) if one != other => Placed::Twice(one.min(other), one.max(other)),
            (Some(one), _) | (None, Some(one)) => Placed::Once(one),
            (None, None) => Placed::Never(local - i64::from(before)),
        }
    }
}

/// What stands before each table: version and counts.
struct Header {
    version: u8,
    ut: usize,
    standard: usize,
    leaps: usize,
    times: usize,
    types: usize,
    letters: usize,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<(Header, &[u8])> {
        let (head, rest) = bytes.strip_prefix(b"TZif")?.split_at_checked(40)?;
        let count = |at: usize| {
            let count = u32::from_be_bytes(head.get(at..at + 4)?.try_into().ok()?) as usize;
            (count <= MOST).then_some(count)
        };
        let header = Header {
            version: *head.first()?,
            ut: count(16)?,
            standard: count(20)?,
            leaps: count(24)?,
            times: count(28)?,
            types: count(32)?,
            letters: count(36)?,
        };
        Some((header, rest))
    }

    /// Bytes of the table, whose times have so many bytes each.
    fn length(&self, width: usize) -> usize {
        self.times * (width + 1)
            + self.types * 6
            + self.letters
            + self.leaps * (width + 4)
            + self.standard
            + self.ut
    }

    fn table(&self, bytes: &[u8], width: usize) -> Option<Zone> {
        let (times, rest) = bytes.split_at_checked(self.times * width)?;
        let (kinds, rest) = rest.split_at_checked(self.times)?;
        let offsets: Vec<i32> = rest.get(..self.types * 6)?.chunks_exact(6).filter_map(east).collect();
        let changes = times
            .chunks_exact(width)
            .zip(kinds)
            .map(|(time, kind)| Some((moment(time)?, *offsets.get(usize::from(*kind))?)))
            .collect::<Option<Vec<_>>>()?;
        let in_order = changes.is_sorted_by(|one, next| one.0 <= next.0);
        in_order.then_some(Zone { first: *offsets.first()?, changes, rule: None })
    }
}

fn east(kind: &[u8]) -> Option<i32> {
    let east = i32::from_be_bytes(kind.get(..4)?.try_into().ok()?);
    Some(east.clamp(-FARTHEST, FARTHEST))
}

fn moment(bytes: &[u8]) -> Option<i64> {
    match bytes.len() {
        4 => Some(i64::from(i32::from_be_bytes(bytes.try_into().ok()?))),
        _ => Some(i64::from_be_bytes(bytes.try_into().ok()?)),
    }
}

#[cfg(test)]
mod tests;
