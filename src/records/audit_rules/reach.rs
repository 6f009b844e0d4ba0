//! How far a rule reaches: whether it has all accesses to a folder recorded, or some, or keeps them from being recorded.

use super::{
    ALWAYS, Arch, EQUAL, EXIT, FIELD_ARCH, FIELD_DIR, FIELD_EXIT, FIELD_FILETYPE, FIELD_FSTYPE, FIELD_KEY,
    FIELD_MSGTYPE, FIELD_PERM, FIELD_SUCCESS, FIELD_WATCH, NEVER, Rule, Scope,
};
use crate::path::HostPath;

/// The list of rules at the beginning of processes.
const TASK: u32 = 1;
/// The list of record types that are dropped.
const EXCLUDE: u32 = 5;
/// The list of rules about whole file systems.
const FILESYSTEM: u32 = 6;
/// debugfs and tracefs (linux/magic.h), where nobody keeps files.
const KERNELS_OWN: [u32; 2] = [0x6462_6720, 0x7472_6163];
/// The records without which an access is not told.
const NEEDED: [u32; 2] = [1300, 1302];
/// What is recorded when auditing itself is changed.
const CONFIG_CHANGE: u32 = 1305;

/// What a rule has recorded of the accesses to a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Nothing of it.
    None,
    /// Some, which its conditions, its calls or its scope let through.
    Part,
    /// All accesses of its kinds, by anybody, to everything in the folder.
    Whole,
}

/// What rules together have recorded of a place, and of everything in it if it is a folder, by anybody: those of `rwxa`. Two
/// rules, for the calls of 64 and of 32 bits, are as good as one that asks for no processor.
pub fn recorded(rules: &[&Rule], place: &HostPath, is_folder: bool) -> String {
    let of = |rule: &Rule| match rule.reach(place, is_folder) {
        Reach::Whole => rule.permissions().unwrap_or_else(|| "rwxa".to_owned()),
        _ => String::new(),
    };
    let all: String = rules.iter().map(|rule| of(rule)).collect();
    let (wide, narrow): (Vec<_>, Vec<_>) =
        rules.iter().filter_map(|rule| rule.of_one_processor()).partition(|(is_wide, _)| *is_wide);
    let [wide, narrow] =
        [wide, narrow].map(|rules| rules.iter().map(|(_, rule)| of(rule)).collect::<String>());
    let is_recorded = |kind: &char| all.contains(*kind) || wide.contains(*kind) && narrow.contains(*kind);
    ['r', 'w', 'x', 'a'].into_iter().filter(is_recorded).collect()
}

impl Rule {
    /// Of a rule for the calls of one processor: whether of 64 bits, and the rule without that condition.
    fn of_one_processor(&self) -> Option<(bool, Rule)> {
        let field = self.field(FIELD_ARCH).filter(|field| field.operator == EQUAL)?;
        let fields = self.fields.iter().filter(|other| *other != field).cloned().collect();
        Some((Arch(field.value).is_wide(), Rule { fields, ..self.clone() }))
    }

    /// What it has recorded of accesses to `place` and, if that is a folder, everything in it.
    pub fn reach(&self, place: &HostPath, is_folder: bool) -> Reach {
        if (self.list, self.action) != (EXIT, ALWAYS) {
            return Reach::None;
        }
        let watched = self.watched().map(|(path, scope)| (HostPath::new(path).ok(), scope));
        match watched {
            // It speaks of calls and not of a path: some of them open files.
            None => Reach::Part,
            Some((Some(path), Scope::Tree)) if place.is_within(&path) => self.whole_if_plain(),
            Some((Some(path), Scope::Name)) if path == *place && !is_folder => self.whole_if_plain(),
            Some((Some(path), Scope::Name)) if path == *place => Reach::Part,
            Some((Some(path), _)) if path.is_within(place) => Reach::Part,
            Some(_) => Reach::None,
        }
    }

    fn whole_if_plain(&self) -> Reach {
        let narrow = !self.has_all_calls() || !self.conditions().is_empty();
        if narrow { Reach::Part } else { Reach::Whole }
    }

    /// Whether it may keep out of the log what happens to auditing itself: that rules come and go, that it is switched off.
    pub fn may_hide_changes(&self) -> bool {
        self.list == EXCLUDE && self.leaves_out(&[CONFIG_CHANGE])
    }

    /// Whether a rule about record types may leave out one of these.
    fn leaves_out(&self, kinds: &[u32]) -> bool {
        let mut types = self.fields.iter().filter(|field| field.kind == FIELD_MSGTYPE).peekable();
        types.peek().is_none() || kinds.iter().any(|kind| types.clone().all(|field| field.holds(*kind)))
    }

    /// Whether it may have the opening of a file or folder recorded: it watches for reading, or speaks of calls that open.
    pub fn records_openings(&self) -> bool {
        if (self.list, self.action) != (EXIT, ALWAYS) {
            return false;
        }
        match self.permissions() {
            Some(letters) => letters.contains('r'),
            None => self.calls().is_none() || self.call_names(None).iter().any(|name| may_open(name)),
        }
    }

    /// The kinds of its conditions beside path, kinds of access, and key. One that asks for a processor leaves the calls of
    /// others unrecorded, and so on.
    fn conditions(&self) -> Vec<u32> {
        let own = |kind: &u32| !matches!(*kind, FIELD_WATCH | FIELD_DIR | FIELD_PERM | FIELD_KEY);
        self.fields.iter().map(|field| field.kind).filter(own).collect()
    }

    /// Whether what it has recorded may leave out this very run: a condition asks who or what it is. Those that ask for a
    /// processor or for success alone do not.
    pub fn asks_who(&self) -> bool {
        let about_call = [FIELD_ARCH, FIELD_EXIT, FIELD_SUCCESS, FIELD_FILETYPE];
        self.conditions().iter().any(|kind| !about_call.contains(kind))
    }

    /// Whether it may keep accesses to `place` from being recorded: rules of the kind `never`, and record types or file
    /// systems that are left out.
    pub fn may_suppress(&self, place: &HostPath) -> bool {
        let elsewhere = |path: &[u8]| {
            HostPath::new(path).is_ok_and(|path| !place.is_within(&path) && !path.is_within(place))
        };
        match (self.list, self.action) {
            (EXIT, NEVER) => !self.watched().is_some_and(|(path, _)| elsewhere(path)),
            (TASK, NEVER) => true,
            (FILESYSTEM, NEVER) => {
                let kernels_own = |field: &super::Field| KERNELS_OWN.contains(&field.value);
                !self.fields.iter().any(|field| field.kind == FIELD_FSTYPE && kernels_own(field))
            }
            (EXCLUDE, _) => self.leaves_out(&NEEDED),
            _ => false,
        }
    }
}

/// Whether a call, by name or where that is not known by number, opens files, reads links, or asks for attributes.
fn may_open(call: &str) -> bool {
    let opens = ["open", "readlink", "getxattr", "listxattr", "name_to_handle"];
    call.bytes().all(|byte| byte.is_ascii_digit()) || opens.iter().any(|part| call.contains(part))
}

impl super::Field {
    /// Whether a number stands this comparison.
    fn holds(&self, number: u32) -> bool {
        const LESS: u32 = 0x1000_0000;
        const GREATER: u32 = 0x2000_0000;
        match self.operator {
            EQUAL => number == self.value,
            LESS => number < self.value,
            GREATER => number > self.value,
            op if op == LESS | GREATER => number != self.value,
            op if op == LESS | EQUAL => number <= self.value,
            op if op == GREATER | EQUAL => number >= self.value,
            // Masks of bits: what is not understood may be true.
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::{Meaning, Names, compile};
    use super::super::syscalls::X86_64;
    use super::*;

    fn rule(text: &str) -> Rule {
        let names = Names { machine: Some(X86_64), ..Names::default() };
        match compile(text.as_bytes(), &names).into_iter().next().map(|line| line.meaning) {
            Some(Meaning::Rule(written)) => written.rule().clone(),
            other => panic!("{text}: {other:?}"),
        }
    }

    fn path(text: &str) -> HostPath {
        HostPath::new(text).unwrap()
    }

    #[test]
    fn only_a_tree_without_conditions_reaches_the_whole_folder() {
        let reach = |text: &str| rule(text).reach(&path("/srv/phi"), true);
        let dir = |path: &str, more: &str| format!("-a always,exit -F dir={path} -F perm=rwa{more} -F key=k");
        assert_eq!(reach(&dir("/srv/phi", "")), Reach::Whole);
        assert_eq!(reach(&dir("/srv", "")), Reach::Whole);
        assert_eq!(reach(&dir("/srv/phi", " -F auid>=1000")), Reach::Part);
        assert_eq!(reach("-a always,exit -F path=/srv/phi -F perm=rwa"), Reach::Part);
        assert_eq!(reach(&dir("/srv/phi/a", "")), Reach::Part);
        assert_eq!(reach(&dir("/srv/ph", "")), Reach::None);
        assert_eq!(reach("-a always,exit -F arch=b64 -S openat -F dir=/srv/phi -F key=k"), Reach::Part);
        assert_eq!(reach("-a always,exit -F arch=b64 -S openat -F key=k"), Reach::Part);
        assert_eq!(reach("-a never,exit -F dir=/srv/phi"), Reach::None);
        let file = rule("-a always,exit -F path=/srv/phi -F perm=rwa").reach(&path("/srv/phi"), false);
        assert_eq!(file, Reach::Whole);
    }

    #[test]
    fn rules_for_both_processors_record_together_what_one_for_all_would() {
        let recorded = |texts: &[&str]| {
            let rules: Vec<Rule> = texts.iter().map(|text| rule(text)).collect();
            super::recorded(&rules.iter().collect::<Vec<_>>(), &path("/srv/phi"), true)
        };
        let [wide, narrow] = ["b64", "b32"]
            .map(|arch| format!("-a always,exit -F arch={arch} -F dir=/srv/phi -F perm=rwa -F key=k"));
        assert_eq!(recorded(&[&wide, &narrow]), "rwa");
        assert_eq!((recorded(&[&wide]), recorded(&[&narrow, &narrow])), (String::new(), String::new()));
        assert_eq!(recorded(&[&wide, &narrow.replace("perm=rwa", "perm=wa")]), "wa");
        let calls = "-a always,exit -F arch=b32 -S openat -F dir=/srv/phi -F key=k";
        assert_eq!(recorded(&[&wide, calls]), "");
        let read = "-a always,exit -F dir=/srv -F perm=r -F key=k";
        assert_eq!(recorded(&[&wide, &narrow.replace("perm=rwa", "perm=wa"), read]), "rwa");
        assert_eq!(recorded(&[&format!("{wide} -F auid>=1000"), &format!("{narrow} -F auid>=1000")]), "");
    }

    #[test]
    fn what_keeps_accesses_unrecorded_is_known() {
        let suppresses = |text: &str| rule(text).may_suppress(&path("/srv/phi"));
        for text in [
            "-a never,exit -F dir=/srv/phi",
            "-a never,exit -F dir=/srv",
            "-a never,exit -F dir=/srv/phi/scratch",
            "-a never,exit -F arch=b64 -S openat -F auid=7",
            "-a never,task",
            "-a never,exclude -F msgtype=SYSCALL",
            "-a always,exclude -F msgtype>=1300 -F msgtype<=1310",
            "-a never,exclude -F auid=7",
        ] {
            assert!(suppresses(text), "{text}");
        }
        for text in [
            "-a never,exit -F dir=/srv/other",
            "-a never,filesystem -F fstype=tracefs",
            "-a never,exclude -F msgtype=CWD",
            "-a always,exclude -F msgtype>=1400 -F msgtype<=1499",
            "-a always,exit -F dir=/srv/phi -F perm=r",
        ] {
            assert!(!suppresses(text), "{text}");
        }
    }

    #[test]
    fn a_rule_may_keep_changes_of_auditing_out_of_the_log() {
        let hides = |text: &str| rule(text).may_hide_changes();
        assert!(hides("-a always,exclude -F msgtype=CONFIG_CHANGE") && hides("-a never,exclude -F auid=7"));
        assert!(hides("-a always,exclude -F msgtype>=1305 -F msgtype<=1305"));
        assert!(!hides("-a always,exclude -F msgtype=CWD") && !hides("-a never,exit -F auid=7"));
    }

    #[test]
    fn only_some_rules_record_openings() {
        for text in [
            "-a always,exit -F dir=/x -F perm=rwxa",
            "-a always,exit -F arch=b64 -S openat",
            "-a always,exit -F arch=b64 -S unlinkat,readlinkat",
            "-a always,exit -F path=/x",
        ] {
            assert!(rule(text).records_openings(), "{text}");
        }
        for text in [
            "-a always,exit -F path=/etc/passwd -F perm=wa",
            "-a always,exit -F arch=b64 -S execve -F euid=0",
            "-a never,exit -F dir=/x -F perm=r",
            "-a always,exclude -F msgtype=CWD",
        ] {
            assert!(!rule(text).records_openings(), "{text}");
        }
    }

    #[test]
    fn a_condition_about_the_person_may_leave_this_run_out() {
        assert!(rule("-a always,exit -F dir=/x -F perm=r -F auid>=1000").asks_who());
        assert!(!rule("-a always,exit -F arch=b64 -S openat -F dir=/x -F success=1").asks_who());
    }
}
