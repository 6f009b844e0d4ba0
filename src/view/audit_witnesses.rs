//! What is to be told of audit logs beside journals that have audit records too. Who kept what from the one or the other is
//! never said: nobody knows.

use crate::custody::outcome::counted;
use crate::records::audit_log::ids::Ids;
use crate::records::audit_log::witnesses::Witnesses;

/// In words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What the audit logs lack, or may lack.
    pub notes: Vec<String>,
    /// What is to be known, and no lack of theirs.
    pub remarks: Vec<String>,
}

/// Of the two, when all has passed.
pub fn told(both: &Witnesses) -> Told {
    let strangers = match both.has_common {
        true => "",
        false => "; logs and journals have no event in common, and may be of different machines",
    };
    let why = match both.is_short {
        true => ": removed from the logs, not written by auditd, or in what of the logs could not be read",
        false => ": removed from the logs, or not written by auditd",
    };
    let within = said(
        &both.within,
        "in journals and not in the audit logs, though the logs speak of that time",
        &format!("{why}; they are told of with the others{strangers}"),
    );
    let doubtful = said(
        &both.doubtful,
        "of journals, of which there was no room to know whether the audit logs have them",
        ": not read",
    );
    let unwritten = said(
        &both.unwritten,
        "in journals and not in the audit logs, of times before auditd began",
        ": it did not write then, as the logs have it, or what it wrote was removed; told of with the others",
    );
    let beyond = said(
        &both.beyond,
        "in journals alone, of times of which the audit logs do not speak",
        ": told of with the others, and that time counts as not covered: leave the audit logs out, as with --journal alone, to have it judged",
    );
    let at_most = if both.journals.left > 0 { "at most " } else { "" };
    let logged_only = said(
        &both.logged_only,
        &format!(
            "{at_most}in audit logs and not in the journals, though these have audit records of that time"
        ),
        ": journald does not get all when there are many, and may be told to take none",
    );
    Told {
        notes: within.into_iter().chain(doubtful).collect(),
        remarks: unwritten.into_iter().chain(beyond).chain(logged_only).collect(),
    }
}

/// `3 audit events WHAT, from … to …MEANING`; none of no events.
fn said(events: &Ids, what: &str, meaning: &str) -> Option<String> {
    let (from, to) = events.span()?;
    let events = counted(events.events(), "audit event");
    let span = match from == to {
        true => format!("at {}", from.spoken()),
        false => format!("from {} to {}", from.spoken(), to.spoken()),
    };
    Some(format!("{events} {what}, {span}{meaning}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written from documentation (auditd(8)).
    fn line(serial: u64) -> Vec<u8> {
        format!("type=SYSCALL msg=audit({}.000:{serial}): arch=c000003e", 1_795_200_000 + serial).into_bytes()
    }

    fn of(journal: std::ops::Range<u64>, logs: &[u64], is_short: bool) -> Told {
        let mut both = Witnesses::default();
        both.is_short = is_short;
        journal.clone().for_each(|serial| both.journal(&line(serial)));
        both.end_journals();
        logs.iter().for_each(|serial| both.log(&line(*serial)));
        both.end_logs();
        journal.for_each(|serial| {
            both.again(&line(serial));
        });
        both.end();
        told(&both)
    }

    #[test]
    fn what_is_told_claims_no_more_than_is_known() {
        assert_eq!(of(10..20, &(10..20).collect::<Vec<_>>(), false), Told::default());
        let cut = of(10..20, &[10, 11, 12, 15, 16, 17, 18, 19], false);
        assert_eq!(
            cut.notes,
            [
                "2 audit events in journals and not in the audit logs, though the logs speak of that time, from 2026-11-20 18:40:13 UTC \
              to 2026-11-20 18:40:14 UTC: removed from the logs, or not written by auditd; they are told of with the others"
            ]
        );
        assert!(cut.remarks.is_empty());
        assert!(of(10..20, &[10, 19], true).notes[0].contains("or in what of the logs could not be read"));
        let strangers = of(10..20, &[5, 40], false);
        assert!(
            strangers.notes[0].ends_with("no event in common, and may be of different machines"),
            "{strangers:?}"
        );
        let beside = of(10..20, &[15], false);
        assert!(
            beside.notes.is_empty()
                && beside.remarks[0].starts_with("9 audit events in journals alone, of times")
        );
    }
}
