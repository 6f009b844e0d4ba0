//! System calls, by name or by number. A number means another call on each kind of machine, so that what is asked for by
//! name is looked at with the machine that the record names.

use super::Finds;
use crate::records::audit_event::operation::{self, Syscall};
use crate::records::audit_log::{Record, call_number, record};
use crate::records::audit_rules::syscalls::{AARCH64, ARM, Arch, I386, X86_64};

/// Machines of which all calls are known by name.
const WHOLE: [Arch; 4] = [X86_64, I386, AARCH64, ARM];
/// Machines of which the calls are known that touch files: riscv64, loongarch64, ppc64le, ppc64, s390x, s390.
const IN_PART: [Arch; 6] = [
    Arch(0xc000_00f3),
    Arch(0xc000_0102),
    Arch(0xc000_0015),
    Arch(0x8000_0015),
    Arch(0x8000_0016),
    Arch(0x0000_0016),
];
/// Calls of x32 have this bit set in their number, and from the second on numbers of their own.
const X32: u32 = 0x4000_0000;
const X32_OWN: u32 = 512;
/// No table of ours has more calls, but for a few of arm's.
const NUMBERS: u32 = 1_024;

/// Calls that are looked for; none means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    names: Vec<Named>,
    numbers: Vec<u32>,
}

/// A call by its name, and its numbers on the machines where they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    name: String,
    on: Vec<(Arch, Vec<u32>)>,
}

impl Calls {
    /// Reads names and numbers; gives back a name that no machine has.
    pub fn of(asked: &[String]) -> Result<Calls, &str> {
        let mut calls = Calls::default();
        for call in asked {
            match call.parse() {
                Ok(number) => calls.numbers.push(number),
                Err(_) => calls.names.push(Named::of(call).ok_or(call.as_str())?),
            }
        }
        Ok(calls)
    }

    /// Whether all calls are looked for.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.numbers.is_empty()
    }

    /// The numbers that they may have, on whichever machine.
    pub fn numbers(&self) -> Vec<u32> {
        let named = self.names.iter().flat_map(|call| &call.on);
        let named = named.flat_map(|(arch, numbers)| {
            let of_x32 = numbers.iter().filter(|_| *arch == X86_64).map(|number| number | X32);
            numbers.iter().copied().chain(of_x32)
        });
        let mut all: Vec<u32> = self.numbers.iter().copied().chain(named).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether a call is one of them, by its record alone.
    pub(super) fn finds(&self, record: &Record<'_>) -> Finds {
        let number = record.number("syscall").and_then(|number| u32::try_from(number).ok());
        let Some(number) = number else { return Finds::No };
        if self.numbers.contains(&number) {
            return Finds::Yes;
        }
        let arch = record.raw("arch").and_then(|arch| std::str::from_utf8(arch).ok());
        let arch = arch.and_then(|arch| u32::from_str_radix(arch, 16).ok()).map(Arch);
        self.names.iter().map(|named| named.finds(arch, number)).min().unwrap_or(Finds::No)
    }

    /// Whether a line may be of one of them, though it has none of their numbers.
    pub(super) fn are_unsure(&self, line: &[u8]) -> bool {
        !self.names.is_empty()
            && call_number(line).is_some()
            && record(line).is_none_or(|record| self.finds(&record) == Finds::Maybe)
    }
}

impl Named {
    fn of(name: &str) -> Option<Named> {
        let on = |arch: &Arch| (*arch, numbers_on(*arch, name));
        let is_known = |(arch, numbers): &(Arch, Vec<u32>)| WHOLE.contains(arch) || !numbers.is_empty();
        let on: Vec<_> = WHOLE.iter().chain(&IN_PART).map(on).filter(is_known).collect();
        let is_any = on.iter().any(|(_, numbers)| !numbers.is_empty());
        is_any.then(|| Named { name: name.to_owned(), on })
    }

    fn finds(&self, arch: Option<Arch>, number: u32) -> Finds {
        let Some(arch) = arch else { return Finds::Maybe };
        let plain = plain(arch, number);
        let known = self.on.iter().find(|(known, _)| *known == arch).map(|(_, numbers)| numbers);
        let is_of_x32_alone = plain != number && plain >= X32_OWN;
        match (known, name_of(arch, plain)) {
            (Some(numbers), _) if numbers.contains(&plain) => Finds::Yes,
            (_, Some(name)) if name != self.name => Finds::No,
            (Some(_), _) if !is_of_x32_alone => Finds::No,
            _ => Finds::Maybe,
        }
    }
}

/// The numbers of a call by any of its names: those of the tables of rules, and of that of accesses.
fn numbers_on(arch: Arch, name: &str) -> Vec<u32> {
    let is_named = |number: &u32| name_of(arch, *number) == Some(name);
    (0..NUMBERS).filter(is_named).chain(arch.call_number(name)).collect()
}

fn name_of(arch: Arch, number: u32) -> Option<&'static str> {
    let mut call = Syscall::default();
    (call.arch, call.number) = (Some(arch.0), Some(number));
    operation::read(&call, &[], None).call
}

/// The number without the mark of x32.
fn plain(arch: Arch, number: u32) -> u32 {
    if arch == X86_64 { number & !X32 } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::audit_event::Event;

    fn finds(asked: &[&str], arch: &str, number: u32) -> Finds {
        let asked: Vec<String> = asked.iter().map(|call| (*call).to_owned()).collect();
        let calls = Calls::of(&asked).unwrap();
        let line = format!("type=SYSCALL msg=audit(1.000:1): arch={arch} syscall={number} success=yes");
        let event = Event::of(&[line.as_bytes()]).unwrap();
        let found = calls.finds(&event.records().next().unwrap());
        let is_seen = calls.numbers().contains(&number) || calls.are_unsure(line.as_bytes());
        assert!(is_seen || found == Finds::No, "the sieve loses {asked:?} of {arch}");
        found
    }

    #[test]
    fn a_call_by_name_is_that_of_the_machine_in_the_record() {
        assert_eq!(finds(&["openat"], "c000003e", 257), Finds::Yes);
        assert_eq!(finds(&["openat"], "c00000b7", 56), Finds::Yes);
        // On x86_64 the 56th is clone.
        assert_eq!(finds(&["openat"], "c000003e", 56), Finds::No);
        assert_eq!(finds(&["openat", "56"], "c000003e", 56), Finds::Yes);
        assert_eq!(Calls::of(&["opeant".to_owned()]), Err("opeant"));
    }

    #[test]
    fn a_call_by_name_is_found_on_every_machine_that_access_knows_and_in_x32() {
        for (arch, number) in [
            ("c0000015", 286),
            ("80000016", 288),
            ("c00000f3", 56),
            ("c0000102", 56),
            ("c000003e", X32 | 257),
        ] {
            assert_eq!(finds(&["openat"], arch, number), Finds::Yes, "{arch}");
            assert_eq!(finds(&["openat"], arch, number + 1), Finds::No, "{arch}");
        }
        assert_eq!(finds(&["execve"], "c000003e", X32 | 520), Finds::Yes);
        assert_eq!(finds(&["read"], "c000003e", X32), Finds::Yes);
    }

    #[test]
    fn a_call_of_a_machine_on_which_the_name_is_not_known_is_undecided() {
        assert_eq!(finds(&["ptrace"], "c0000015", 26), Finds::Maybe);
        assert_eq!(finds(&["ptrace"], "c0000015", 286), Finds::No);
        assert_eq!(finds(&["openat"], "c0000032", 1), Finds::Maybe);
        assert_eq!(finds(&["ptrace"], "c000003e", X32 | 521), Finds::Maybe);
        assert_eq!(finds(&["open"], "c00000b7", 5), Finds::No);
    }
}
