//! Whom `--user` means. Audit records have numbers and other logs have names; which belong together is told by the accounts
//! of the host, else by enriched audit logs.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::coverage::Coverage;
use crate::command::asked::{UNSET, Users};
use crate::command::evidence::{Evidence, What};
use crate::command::recorded::unpacked;
use crate::path::shown;
use crate::records::audit_log::{self, ENRICHED};
use crate::records::lines::{Line, Lines};
use crate::term::Failure;

/// Users that are learnt from logs: somebody may have written as many into one as fit.
const MOST: usize = 100;

/// Looks in the audit logs for what the accounts do not tell. What is known nowhere keeps the answer from being whole: where
/// a name has no number, and the other way, a part of the logs cannot be searched.
pub fn complete(evidence: &Evidence, users: &mut Users, coverage: &mut Coverage) -> Result<(), Failure> {
    if users.is_complete() {
        return Ok(());
    }
    for (name, number) in learnt(evidence, users)? {
        let words = "as the audit logs say themselves";
        coverage.remarks.push(format!("--user: {} has the number {number}, {words}", shown(&name)));
        users.learn(&name, number);
    }
    coverage.notes.extend(unknown(evidence, users));
    Ok(())
}

/// Names and numbers that belong together, of which one is asked for and the other is missed.
fn learnt(evidence: &Evidence, users: &Users) -> Result<BTreeSet<(Vec<u8>, u32)>, Failure> {
    let mut learnt = BTreeSet::new();
    let mut take = |line: Line<'_>| {
        if let Line::Kept { bytes, .. } = line {
            pairs(bytes, &mut |name, number| {
                if learnt.len() < MOST && users.misses(name, number) {
                    learnt.insert((name.to_vec(), number));
                }
            });
        }
    };
    for log in evidence.logs(What::Audit) {
        let mut lines = Lines::default();
        // What cannot be read is told when the log is read for its events.
        unpacked(evidence, log, &mut |text| {
            lines.piece(text, &mut take);
            ControlFlow::Continue(())
        })?;
        lines.end(&mut take);
    }
    Ok(learnt)
}

/// Who is who in an enriched record: it has `auid=1001`, and behind the mark `AUID="alice"` (auditd.conf(5), `log_format`). Of a
/// number without a name auditd writes `unknown(1001)`.
fn pairs(line: &[u8], each: &mut dyn FnMut(&[u8], u32)) {
    let Some(said) = line.split(|byte| *byte == ENRICHED).nth(1) else { return };
    let Some(record) = audit_log::record(line) else { return };
    for (number, name) in [("auid", "AUID=\""), ("uid", "UID=\"")] {
        let number = record.raw(number).and_then(|text| std::str::from_utf8(text).ok()?.parse::<u32>().ok());
        let mut fields = said.split(|byte| byte.is_ascii_whitespace());
        let name = fields.find_map(|field| field.strip_prefix(name.as_bytes())?.strip_suffix(b"\""));
        let is_name = |name: &&[u8]| !name.starts_with(b"unknown(");
        let number = number.filter(|number| *number != UNSET);
        if let Some((name, number)) = name.filter(is_name).zip(number) {
            each(name, number);
        }
    }
}

/// What part of the logs cannot be searched for whom, in words.
fn unknown(evidence: &Evidence, users: &Users) -> Vec<String> {
    let has_any = |kinds: &[What], table: &str| {
        let mut tables = evidence.logs(What::Table).filter_map(|log| log.table);
        kinds.iter().any(|what| evidence.logs(*what).next().is_some())
            || tables.any(|reader| reader.source() == table)
    };
    let by_number = has_any(&[What::Audit], "processes");
    let by_name = has_any(&[What::Auth, What::Journal, What::Utmp, What::Wtmp, What::Btmp], "login_records");
    let numberless = users.numberless.iter().filter(|_| by_number).map(|name| {
        format!(
            "--user {}: which number that is, is not known here; what has numbers alone, as most audit records, was not \
             searched for it; --user with the number as well has it searched",
            shown(name)
        )
    });
    let nameless = users.nameless.iter().filter(|_| by_name).map(|number| {
        format!(
            "--user {number}: which name that is, is not known here; logs that have names alone were not searched for it; \
             --user with the name as well has them searched"
        )
    });
    numberless.chain(nameless).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enriched_record_says_who_is_who() {
        // Written from documentation (auditd.conf(5)).
        let told = |line: &str| {
            let mut told = Vec::new();
            pairs(line.as_bytes(), &mut |name, number| {
                told.push((String::from_utf8_lossy(name).into_owned(), number));
            });
            told
        };
        let head = "type=SYSCALL msg=audit(1795200010.123:100): arch=c000003e syscall=257";
        let both = format!("{head} auid=1001 uid=0\u{1d}ARCH=x86_64 AUID=\"alice\" UID=\"root\"");
        assert_eq!(told(&both), [("alice".to_owned(), 1001), ("root".to_owned(), 0)]);
        assert!(told(&format!("{head} auid=1001 uid=0")).is_empty());
        let none = format!("{head} auid=4294967295 uid=1009\u{1d}AUID=\"unset\" UID=\"unknown(1009)\"");
        assert!(told(&none).is_empty());
    }
}
