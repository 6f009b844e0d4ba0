//! `/proc/PID/mountinfo` (Documentation/filesystems/proc.rst, 3.5).
//!
//! Read as bytes: one mount point with a byte that is not UTF-8 must not cost the whole table, and any local user
//! with a FUSE file system can make one.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::path::HostPath;

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The kernel's number of it, as `statx` tells it.
    pub id: u64,
    /// The number of the mount that it lies on; its own or one that is not in the table for the topmost.
    pub parent: u64,
    /// Device, `major:minor`.
    pub device: Vec<u8>,
    /// Which folder of the file system is mounted; `/` unless it is a bind mount or a subvolume.
    pub root: HostPath,
    /// The namespace that is mounted, such as `net:[4026531833]`, where it is no folder.
    pub namespace: Option<Vec<u8>>,
    /// Where it is mounted.
    pub point: HostPath,
    /// File system type, such as `ext4` or `fuse.sshfs`.
    pub fstype: Vec<u8>,
    /// What is mounted.
    pub source: Vec<u8>,
}

/// Reads the whole table, in the kernel's order (a later mount on the same point hides the earlier), and gives
/// the numbers of the lines that could not be read.
pub fn parse(text: &[u8]) -> (Vec<Mount>, Vec<usize>) {
    let mut mounts = Vec::new();
    let mut unread = Vec::new();
    let lines = text.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| !line.is_empty());
    for (line, number) in lines {
        match mount(line) {
            Some(mount) => mounts.push(mount),
            None => unread.push(number),
        }
    }
    (mounts, unread)
}

/// The numbers of the mounts that a path can lead to: not of those that another mount covers, itself or a folder above
/// it.
pub fn in_sight(mounts: &[Mount]) -> HashSet<u64> {
    let known: HashSet<u64> = mounts.iter().map(|mount| mount.id).collect();
    let mut on = HashMap::<u64, Vec<&Mount>>::new();
    let mut next: Vec<&Mount> = Vec::new();
    for mount in mounts {
        if mount.parent == mount.id || !known.contains(&mount.parent) {
            next.push(mount);
        } else {
            on.entry(mount.parent).or_default().push(mount);
        }
    }
    let mut seen = HashSet::new();
    while let Some(mount) = next.pop() {
        let lying_on = on.remove(&mount.id).unwrap_or_default();
        // What is mounted over its topmost folder covers all of it.
        let mut over = lying_on.iter().filter(|other| other.point == mount.point).copied().peekable();
        if over.peek().is_some() {
            next.extend(over);
            continue;
        }
        seen.insert(mount.id);
        let points: HashSet<&[u8]> = lying_on.iter().map(|other| other.point.as_bytes()).collect();
        let is_covered = |other: &Mount| other.point.and_above().skip(1).any(|above| points.contains(above));
        next.extend(lying_on.into_iter().filter(|other| !is_covered(other)));
    }
    seen
}

/// What is mounted over the folder of a process in /proc, or over something in it, by the number of the process.
pub fn over_processes(mounts: &[Mount]) -> BTreeMap<u32, Vec<HostPath>> {
    let mut over = BTreeMap::<u32, Vec<HostPath>>::new();
    for mount in mounts {
        let below = mount.point.as_bytes().strip_prefix(b"/proc/");
        let name = below.and_then(|below| below.split(|byte| *byte == b'/').next());
        let number = name.and_then(|name| std::str::from_utf8(name).ok()?.parse().ok());
        if let Some(number) = number {
            over.entry(number).or_default().push(mount.point.clone());
        }
    }
    over
}

/// `36 35 98:0 /root /point options [optional fields] - type source super-options`
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let number = |field: &[u8]| std::str::from_utf8(field).ok()?.parse().ok();
    let (id, parent) = (number(fields.next()?)?, number(fields.next()?)?);
    let (device, root, point) = (fields.next()?, fields.next()?, fields.next()?);
    let mut rest = fields.skip_while(|field| *field != b"-").skip(1);
    let (fstype, source) = (rest.next()?, rest.next()?);
    let root = unescape(root);
    Some(Mount {
        id,
        parent,
        device: device.to_vec(),
        root: HostPath::new(&root).unwrap_or_else(|_| HostPath::root()),
        namespace: (!root.starts_with(b"/")).then_some(root),
        point: HostPath::new(unescape(point)).ok()?,
        fstype: unescape(fstype),
        source: unescape(source),
    })
}

/// Blank, tab, newline, backslash and `#` are written as a backslash and three octal digits (fs/proc_namespace.c,
/// `mangle`).
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = |digit: &u8| (b'0'..=b'7').contains(digit).then(|| u32::from(digit - b'0'));
        let value = match (first, after) {
            (b'\\', [a, b, c, ..]) => {
                octal(a).zip(octal(b)).zip(octal(c)).map(|((a, b), c)| a * 64 + b * 8 + c)
            }
            _ => None,
        };
        match value.and_then(|value| u8::try_from(value).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_covers_a_process_is_known_by_its_number() {
        // Captured on Linux 6.18 after `mount --bind /proc/2 /proc/17992` and `mount --bind /dev/null /proc/17992/stat`; the
        // last line written from documentation.
        let text = b"46 44 0:21 / /proc rw,relatime - proc proc rw\n\
            65 46 0:21 /2 /proc/17992 rw,relatime - proc proc rw\n\
            66 65 0:6 /null /proc/17992/stat rw,relatime - devtmpfs devtmpfs rw,size=12358268k,nr_inodes=3089567,mode=755\n\
            93 46 0:35 / /proc/sys/fs/binfmt_misc rw - binfmt_misc binfmt_misc rw\n";
        let over = over_processes(&parse(text).0);
        assert_eq!(over.keys().copied().collect::<Vec<_>>(), [17992]);
        let points: Vec<String> = over[&17992].iter().map(ToString::to_string).collect();
        assert_eq!(points, ["/proc/17992", "/proc/17992/stat"]);
    }

    // Captured on Debian 12, Linux 6.18; the last two lines made with `mount -t tmpfs 'a b' $'/mnt/x\ty'` and with
    // a point whose name holds the byte 0xff.
    const CAPTURED: &[u8] = b"21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n\
        22 21 0:5 / /dev rw,relatime shared:2 - devtmpfs devtmpfs rw,size=12358268k\n\
        40 21 0:40 / /mnt/x\\011y rw,relatime - tmpfs a\\040b rw\n\
        41 21 0:41 / /mnt/\xff rw shared:9 master:3 - fuse.sshfs host:/ rw\n";

    #[test]
    fn a_captured_table_is_read_whole() {
        let (mounts, unread) = parse(CAPTURED);
        assert!(unread.is_empty());
        assert_eq!(mounts.len(), 4);
        assert_eq!((mounts[0].id, mounts[0].fstype.as_slice()), (21, &b"ext4"[..]));
        assert_eq!(mounts[2].point.as_bytes(), b"/mnt/x\ty");
        assert_eq!(mounts[2].source, b"a b");
        assert_eq!(mounts[3].point.as_bytes(), b"/mnt/\xff");
        assert_eq!(mounts[3].fstype, b"fuse.sshfs");
    }

    #[test]
    fn what_another_mount_covers_is_out_of_sight() {
        // Captured on Linux 6.18 in a namespace of its own: a tmpfs, then one over the folder that it
        // lies in; two, one over the other; one in the upper of those.
        let text = b"44 43 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n\
            65 44 0:39 / /mnt/zoo/a/b rw,relatime - tmpfs one rw\n66 44 0:40 / /mnt/zoo/a rw,relatime - tmpfs two rw\n\
            67 44 0:41 / /mnt/zoo/c rw,relatime - tmpfs three rw\n68 67 0:42 / /mnt/zoo/c rw,relatime - tmpfs four rw\n\
            69 68 0:43 / /mnt/zoo/c/d rw,relatime - tmpfs five rw\n";
        let mut seen: Vec<u64> = in_sight(&parse(text).0).into_iter().collect();
        seen.sort_unstable();
        assert_eq!(seen, [44, 66, 68, 69]);
    }

    #[test]
    fn a_line_that_is_none_is_counted_and_costs_no_other() {
        let (mounts, unread) = parse(b"nonsense\n21 1 254:0 / / rw - ext4 /dev/vda rw\n\n1 2 3\n");
        assert_eq!((mounts.len(), unread), (1, vec![1, 4]));
    }
}
