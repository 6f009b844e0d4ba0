//! Logs of several machines: their serial numbers, and what they say of auditing, are counted as those of one, so that
//! the records of one fill what another lacks.

use std::collections::BTreeSet;

use super::Coverage;
use crate::custody::outcome::ReasonCode;
use crate::custody::rows::audit_coverage::Lapse;
use crate::path::shown;

/// Names that are told.
const NAMED: usize = 8;

impl Coverage {
    /// That gaps may be hidden, where the records are not all of one machine.
    pub(super) fn machines(&self) -> Option<Lapse> {
        let all: BTreeSet<&[u8]> =
            self.files.iter().flat_map(|file| &file.summary.nodes).map(Vec::as_slice).collect();
        if all.len() < 2 {
            return None;
        }
        let name = |node: &&[u8]| match node.is_empty() {
            true => "one without a name".to_owned(),
            false => shown(node),
        };
        let mut names: Vec<String> = all.iter().take(NAMED).map(name).collect();
        names.extend((all.len() > NAMED).then(|| "and others".to_owned()));
        let words = format!(
            "the logs may be of several machines ({}): what one of them missed another's records may hide; name the logs of one",
            names.join(", ")
        );
        Some(self.whole(ReasonCode::CoverageUnknown, words))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, file};
    use super::*;

    /// Written from documentation (auditd.conf(5), `name_format`).
    fn call(node: &str, second: i64, serial: u32) -> String {
        let named = if node.is_empty() { String::new() } else { format!("node={node} ") };
        format!(
            "{named}type=SYSCALL msg=audit({second}.000:{serial}): arch=c000003e syscall=2 success=yes exit=3 pid=5 key=\"phi\"\n"
        )
    }

    fn told(logs: &[String]) -> (&'static str, Vec<String>) {
        let mut coverage = Coverage::new((at(1_000), at(2_000)), vec![b"phi".to_vec()]);
        logs.iter().for_each(|log| coverage.file(file(log)));
        let statement = coverage.finish();
        let words = statement.gaps.into_iter().map(|gap| gap.words);
        (statement.verdict, words.filter(|words| words.contains("several machines")).collect())
    }

    #[test]
    fn records_of_several_machines_prove_no_coverage() {
        let of = |node: &str| call(node, 900, 1) + &call(node, 1_500, 2) + &call(node, 2_100, 3);
        for node in ["", "hosta"] {
            assert_eq!(told(&[of(node), call(node, 2_200, 4)]), ("complete", vec![]), "{node}");
        }
        // The serial that one lacks is another's.
        let hidden = call("hosta", 900, 1) + &call("hostb", 1_500, 2) + &call("hosta", 2_100, 3);
        let words = |names: &str| {
            format!(
                "the logs may be of several machines ({names}): what one of them missed another's records may hide; name the logs of one"
            )
        };
        assert_eq!(told(&[hidden]), ("unknown", vec![words("hosta, hostb")]));
        assert_eq!(
            told(&[of("hosta"), of("host\u{1b}")]).1,
            [words(&format!("host{}, hosta", shown(b"\x1b")))]
        );
        assert_eq!(told(&[of("hosta"), of("")]).1, [words("one without a name, hosta")]);
        let many: Vec<String> = (0..3)
            .map(|log| (0..6).map(|at| call(&format!("host{log}{at}"), 1_000 + at, 1)).collect())
            .collect();
        let known = "host00, host01, host02, host03, host10, host11, host12, host13, and others";
        assert_eq!(told(&many).1, [words(known)]);
    }
}
