//! System calls, by name or by number. A number means another call on each kind of machine, so that what is asked for by
//! name is looked at with the machine that the record names.

use crate::records::audit_event::Event;
use crate::records::audit_rules::syscalls::Arch;
use crate::term::Failure;

/// Machines whose calls are known by name (uname(2)).
const MACHINES: [&str; 4] = ["x86_64", "i686", "aarch64", "armv7l"];

/// Calls that are looked for; none means all.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    names: Vec<String>,
    numbers: Vec<u32>,
}

impl Calls {
    /// Reads names and numbers.
    pub fn of(asked: &[String]) -> Result<Calls, Failure> {
        let mut calls = Calls::default();
        for call in asked {
            match call.parse() {
                Ok(number) => calls.numbers.push(number),
                Err(_) if numbers(call).next().is_some() => calls.names.push(call.clone()),
                Err(_) => {
                    return Err(Failure::usage(format!("--syscall: no machine has a call named {call:?}"))
                        .hint("give its number, as it stands in the log"));
                }
            }
        }
        Ok(calls)
    }

    /// The numbers that it may have, on whichever machine.
    pub fn numbers(&self) -> Vec<u32> {
        let named = self.names.iter().flat_map(|name| numbers(name));
        self.numbers.iter().copied().chain(named).collect()
    }

    /// Whether an event is of one of them.
    pub fn hold(&self, event: &Event) -> bool {
        self.names.is_empty()
            || event.records().any(|record| {
                let number = record.number("syscall").and_then(|number| u32::try_from(number).ok());
                let arch = record.raw("arch").and_then(|arch| std::str::from_utf8(arch).ok());
                let arch = arch.and_then(|arch| u32::from_str_radix(arch, 16).ok()).map(Arch);
                let Some(number) = number else { return false };
                // By its number, since a call may go by two names.
                let is_named = |name: &String| arch.and_then(|arch| arch.call_number(name)) == Some(number);
                self.numbers.contains(&number) || self.names.iter().any(is_named)
            })
    }
}

fn numbers(name: &str) -> impl Iterator<Item = u32> {
    MACHINES.iter().filter_map(move |machine| Arch::of_machine(machine)?.call_number(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_by_name_is_that_of_the_machine_in_the_record() {
        let call = |arch: &str, number: u32| {
            let line = format!("type=SYSCALL msg=audit(1.000:1): arch={arch} syscall={number} success=yes");
            Event::of(&[line.as_bytes()]).unwrap()
        };
        let calls =
            |asked: &[&str]| Calls::of(&asked.iter().map(|call| (*call).to_owned()).collect::<Vec<_>>());
        let openat = calls(&["openat"]).unwrap();
        assert!(openat.numbers().contains(&257) && openat.numbers().contains(&56));
        assert!(openat.hold(&call("c000003e", 257)) && openat.hold(&call("c00000b7", 56)));
        // On x86_64 the 56th is clone.
        assert!(!openat.hold(&call("c000003e", 56)));
        assert!(calls(&["openat", "56"]).unwrap().hold(&call("c000003e", 56)));
        assert!(calls(&[]).unwrap().hold(&call("c000003e", 1)));
        assert!(calls(&["opeant"]).unwrap_err().message().contains("opeant"));
    }
}
