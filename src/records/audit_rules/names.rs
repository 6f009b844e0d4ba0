//! Words of the audit rules' language (auditctl(8)) and the numbers of linux/audit.h behind them.

/// Lists, by number.
const LISTS: [(u32, &str); 8] = [
    (0, "user"),
    (1, "task"),
    (2, "entry"),
    (3, "watch"),
    (4, "exit"),
    (5, "exclude"),
    (6, "filesystem"),
    (7, "io_uring"),
];

/// Actions, by number.
const ACTIONS: [(u32, &str); 3] = [(0, "never"), (1, "possible"), (2, "always")];

/// Fields, by number.
const FIELDS: [(u32, &str); 47] = [
    (0, "pid"),
    (1, "uid"),
    (2, "euid"),
    (3, "suid"),
    (4, "fsuid"),
    (5, "gid"),
    (6, "egid"),
    (7, "sgid"),
    (8, "fsgid"),
    (9, "auid"),
    (10, "pers"),
    (11, "arch"),
    (12, "msgtype"),
    (13, "subj_user"),
    (14, "subj_role"),
    (15, "subj_type"),
    (16, "subj_sen"),
    (17, "subj_clr"),
    (18, "ppid"),
    (19, "obj_user"),
    (20, "obj_role"),
    (21, "obj_type"),
    (22, "obj_lev_low"),
    (23, "obj_lev_high"),
    (24, "loginuid_set"),
    (25, "sessionid"),
    (26, "fstype"),
    (100, "devmajor"),
    (101, "devminor"),
    (102, "inode"),
    (103, "exit"),
    (104, "success"),
    (105, "path"),
    (106, "perm"),
    (107, "dir"),
    (108, "filetype"),
    (109, "obj_uid"),
    (110, "obj_gid"),
    (111, "field_compare"),
    (112, "exe"),
    (113, "saddr_fam"),
    (200, "a0"),
    (201, "a1"),
    (202, "a2"),
    (203, "a3"),
    (210, "key"),
    (9, "loginuid"),
];

/// Operators, by number, the longer ones first.
const OPERATORS: [(u32, &str); 8] = [
    (0x3000_0000, "!="),
    (0x6000_0000, ">="),
    (0x5000_0000, "<="),
    (0x4800_0000, "&="),
    (0x4000_0000, "="),
    (0x2000_0000, ">"),
    (0x1000_0000, "<"),
    (0x0800_0000, "&"),
];

/// Comparisons of two fields, by number.
const COMPARISONS: [(u32, &str, &str); 25] = [
    (1, "uid", "obj_uid"),
    (2, "gid", "obj_gid"),
    (3, "euid", "obj_uid"),
    (4, "egid", "obj_gid"),
    (5, "auid", "obj_uid"),
    (6, "suid", "obj_uid"),
    (7, "sgid", "obj_gid"),
    (8, "fsuid", "obj_uid"),
    (9, "fsgid", "obj_gid"),
    (10, "uid", "auid"),
    (11, "uid", "euid"),
    (12, "uid", "fsuid"),
    (13, "uid", "suid"),
    (14, "auid", "fsuid"),
    (15, "auid", "suid"),
    (16, "auid", "euid"),
    (17, "euid", "suid"),
    (18, "euid", "fsuid"),
    (19, "suid", "fsuid"),
    (20, "gid", "egid"),
    (21, "gid", "fsgid"),
    (22, "gid", "sgid"),
    (23, "egid", "fsgid"),
    (24, "egid", "sgid"),
    (25, "sgid", "fsgid"),
];

/// File systems that a rule of the list `filesystem` can name, by their magic number (linux/magic.h).
const FILE_SYSTEMS: [(u32, &str); 2] = [(0x6462_6720, "debugfs"), (0x7472_6163, "tracefs")];

/// Types of files, by `st_mode` (inode(7)).
const FILE_TYPES: [(u32, &str); 7] = [
    (0o140_000, "socket"),
    (0o120_000, "link"),
    (0o100_000, "file"),
    (0o060_000, "block"),
    (0o040_000, "dir"),
    (0o020_000, "character"),
    (0o010_000, "fifo"),
];

fn name(table: &[(u32, &'static str)], number: u32) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

fn number(table: &[(u32, &'static str)], name: &str) -> Option<u32> {
    table.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}

/// The name of a list.
pub fn list(number: u32) -> Option<&'static str> {
    name(&LISTS, number)
}

/// The number of a list.
pub fn list_number(name: &str) -> Option<u32> {
    number(&LISTS, name)
}

/// The name of an action.
pub fn action(number: u32) -> Option<&'static str> {
    name(&ACTIONS, number)
}

/// The number of an action.
pub fn action_number(name: &str) -> Option<u32> {
    number(&ACTIONS, name)
}

/// The name of a field.
pub fn field(number: u32) -> Option<&'static str> {
    name(&FIELDS, number)
}

/// The number of a field.
pub fn field_number(name: &str) -> Option<u32> {
    number(&FIELDS, name)
}

/// How an operator is written.
pub fn operator(number: u32) -> Option<&'static str> {
    name(&OPERATORS, number)
}

/// Field, operator and value of `field>=value`.
pub fn split(expression: &str) -> Option<(&str, u32, &str)> {
    let at = expression.find(['!', '>', '<', '&', '='])?;
    let (field, rest) = expression.split_at_checked(at)?;
    OPERATORS.iter().find_map(|(number, written)| Some((field, *number, rest.strip_prefix(written)?)))
}

/// The two fields of a comparison.
pub fn comparison(number: u32) -> Option<(&'static str, &'static str)> {
    COMPARISONS.iter().find(|(known, ..)| *known == number).map(|(_, one, other)| (*one, *other))
}

/// The number of a comparison; the kernel does not care about the order.
pub fn comparison_number(one: &str, other: &str) -> Option<u32> {
    let found = COMPARISONS.iter().find(|(_, a, b)| (*a, *b) == (one, other) || (*a, *b) == (other, one));
    found.map(|(number, ..)| *number)
}

/// The name of a file system.
pub fn file_system(number: u32) -> Option<&'static str> {
    name(&FILE_SYSTEMS, number)
}

/// The magic number of a file system.
pub fn file_system_number(name: &str) -> Option<u32> {
    number(&FILE_SYSTEMS, name)
}

/// The number of a type of files.
pub fn file_type_number(name: &str) -> Option<u32> {
    number(&FILE_TYPES, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_split_at_its_whole_operator() {
        assert_eq!(split("auid>=1000"), Some(("auid", 0x6000_0000, "1000")));
        assert_eq!(split("a2&=2"), Some(("a2", 0x4800_0000, "2")));
        assert_eq!(split("a2&2"), Some(("a2", 0x0800_0000, "2")));
        assert_eq!(split("exe!=/a=b"), Some(("exe", 0x3000_0000, "/a=b")));
        assert_eq!(split("nothing"), None);
        assert_eq!(comparison_number("obj_uid", "uid"), Some(1));
        assert_eq!((field(9), field_number("loginuid")), (Some("auid"), Some(9)));
    }
}
