//! What audit logs and journals have of one another's events. The kernel gives its records to auditd and to journald alike,
//! so that what the one of them has and the other lacks was taken out of it, or never came there.

use super::EventId;
use super::head::{Head, head};
use super::ids::{Ids, Lies};
use crate::clock::Timestamp;

/// Beginnings of auditd that are kept.
const STARTS: usize = 4_096;

/// The two, while they pass: first the journals, then the logs, and the journals again where the logs lack something.
#[derive(Clone, Debug, Default)]
pub struct Witnesses {
    /// Events of the journals.
    pub journals: Ids,
    /// Events of the audit logs.
    pub logs: Ids,
    /// Of the journals alone, though the logs have events before and behind them.
    pub within: Ids,
    /// Of the journals alone, of times at which auditd did not write, as the logs have it: before it began.
    pub unwritten: Ids,
    /// Of the journals alone, before the first event of the logs and behind their last.
    pub beyond: Ids,
    /// Of the journals; whether the logs have them too is not known, for want of room.
    pub doubtful: Ids,
    /// Of the logs alone, though the journals have events before and behind them.
    pub logged_only: Ids,
    /// Not all of a log could be read: what the journals alone have may stand there.
    pub is_short: bool,
    /// An event is in both.
    pub has_common: bool,
    /// From when to when auditd did not write before it began.
    starts: Vec<(Timestamp, Timestamp)>,
    /// When it wrote last, or said that it ends.
    written: Option<Timestamp>,
    /// The machine that the lines of the logs name.
    node: Node,
    /// How the line before names its machine and its event.
    latest: (Vec<u8>, Vec<u8>),
}

/// Machines that lines name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Node {
    #[default]
    NoLine,
    One(Vec<u8>),
    Several,
}

/// Where an event stands that is in a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// In the logs as well.
    InBoth,
    /// In the journal alone, before the first event of the logs, or they have none.
    Before,
    /// In the journal alone, though the logs have events before and behind it.
    Within,
    /// In the journal alone, behind the last event of the logs.
    Behind,
    /// It is not known whether the logs have it.
    Doubtful,
}

impl Witnesses {
    /// Of what has passed already: the events of each, the times at which auditd did not write before it began, and the
    /// machine that all lines of the logs name. What the logs alone have is not told then.
    pub fn of<'i>(
        journals: impl Iterator<Item = &'i Ids>,
        logs: impl Iterator<Item = &'i Ids>,
        mut starts: Vec<(Timestamp, Timestamp)>,
        node: Option<&[u8]>,
    ) -> Witnesses {
        let mut both = [Ids::default(), Ids::default()];
        let [of_journals, of_logs] = &mut both;
        journals.for_each(|ids| of_journals.add(ids));
        logs.for_each(|ids| of_logs.add(ids));
        both.iter_mut().for_each(Ids::settle);
        starts.sort_unstable_by_key(|(since, start)| (*start, *since));
        let [journals, logs] = both;
        let node = node.map_or(Node::Several, |node| Node::One(node.to_vec()));
        let has_common = journals.meets(&logs);
        Witnesses { journals, logs, has_common, starts, node, ..Witnesses::default() }
    }

    /// Whether the journals have something that the logs lack.
    pub fn logs_lack(&self) -> bool {
        !self.logs.has_all_of(&self.journals)
    }

    /// A line of a journal, as auditd would have written it.
    pub fn journal(&mut self, line: &[u8]) {
        if let Some(id) = of_kernel(line) {
            self.journals.saw(id);
        }
    }

    /// All journals have passed; whether they have audit records at all, so that the logs are of interest.
    pub fn end_journals(&mut self) -> bool {
        self.journals.settle();
        !self.journals.is_empty()
    }

    /// A line of an audit log.
    pub fn log(&mut self, line: &[u8]) {
        let Some(head) = head(line) else { return };
        if (head.node, head.id) == (&self.latest.0, &self.latest.1) {
            return;
        }
        // auditd numbers what it says of itself on its own, and journald never has it.
        if head.kind.starts_with(b"DAEMON_") {
            return self.daemon(head);
        }
        let Some(id) = head.event_id() else { return };
        for (known, now) in [(&mut self.latest.0, head.node), (&mut self.latest.1, head.id)] {
            known.clear();
            known.extend_from_slice(now);
        }
        self.node.is_named(head.node);
        self.written = Some(id.time);
        self.logs.saw(id);
        if self.journals.has(id) {
            self.has_common = true;
        } else if self.journals.lies(id) == Lies::Within {
            self.logged_only.saw(id);
        }
    }

    /// auditd says of itself that it begins or ends.
    fn daemon(&mut self, head: Head<'_>) {
        let Some(time) = head.event_id().map(|id| id.time) else { return };
        match head.kind {
            b"DAEMON_START" if self.starts.len() < STARTS => {
                self.starts.extend(self.written.filter(|since| *since < time).map(|since| (since, time)));
            }
            b"DAEMON_END" => {}
            _ => return,
        }
        self.written = Some(time);
    }

    /// Whether auditd did not write at a time, as the logs have it.
    fn is_without_daemon(&self, time: Timestamp) -> bool {
        let next = self.starts.partition_point(|(_, start)| *start < time);
        self.starts.get(next).is_some_and(|(since, _)| *since < time)
    }

    /// All logs have passed; whether the journals may have something that they lack.
    pub fn end_logs(&mut self) -> bool {
        self.logs.settle();
        self.logged_only.settle();
        self.starts.sort_unstable_by_key(|(since, start)| (*start, *since));
        self.logs_lack()
    }

    /// A line of a journal, which passes once more.
    pub fn again(&mut self, line: &[u8]) -> Option<(EventId, Stands)> {
        let id = of_kernel(line)?;
        let stands = self.stands(id);
        match stands {
            Stands::InBoth => {}
            Stands::Before | Stands::Behind => self.beyond.saw(id),
            Stands::Within if self.is_without_daemon(id.time) => self.unwritten.saw(id),
            Stands::Within => self.within.saw(id),
            Stands::Doubtful => self.doubtful.saw(id),
        }
        Some((id, stands))
    }

    /// Where the event of such a line stands.
    pub fn stands_line(&self, line: &[u8]) -> Option<Stands> {
        of_kernel(line).map(|id| self.stands(id))
    }

    fn stands(&self, id: EventId) -> Stands {
        if self.logs.has(id) {
            return Stands::InBoth;
        }
        // The logs have events of which is not known which they are.
        let may_be_left = |(first, last)| self.logs.left > 0 && (first..=last).contains(&id.time);
        if self.logs.span().is_some_and(may_be_left) {
            return Stands::Doubtful;
        }
        match self.logs.lies(id) {
            Lies::Before => Stands::Before,
            Lies::Within => Stands::Within,
            Lies::Behind => Stands::Behind,
        }
    }

    /// All has passed.
    pub fn end(&mut self) {
        let Witnesses { within, unwritten, beyond, doubtful, .. } = self;
        [within, unwritten, beyond, doubtful].into_iter().for_each(Ids::settle);
    }

    /// The machine that all lines of the logs name, if they are of one: lines of journals name none.
    pub fn node(&self) -> Option<&[u8]> {
        match &self.node {
            Node::One(node) if !node.is_empty() => Some(node),
            _ => None,
        }
    }

    /// What has to stand before a line of a journal, which is of the machine that the logs are of.
    pub fn named(&self) -> Vec<u8> {
        self.node().map(|node| [b"node=", node, b" "].concat()).unwrap_or_default()
    }
}

impl Node {
    fn is_named(&mut self, node: &[u8]) {
        match self {
            Node::NoLine => *self = Node::One(node.to_vec()),
            Node::One(known) if known != node => *self = Node::Several,
            Node::One(_) | Node::Several => {}
        }
    }
}

/// The event of a line that the kernel numbered.
fn of_kernel(line: &[u8]) -> Option<EventId> {
    head(line).filter(|head| !head.kind.starts_with(b"DAEMON_"))?.event_id()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written from documentation (auditd(8), auditd.conf(5) `name_format`).
    fn line(second: u64, serial: u64) -> String {
        format!("type=SYSCALL msg=audit({}.020:{serial}): arch=c000003e", 1_795_200_000 + second)
    }

    fn compared(journals: &[String], logs: &[String]) -> (Witnesses, Vec<Stands>) {
        let mut both = Witnesses::default();
        journals.iter().for_each(|line| both.journal(line.as_bytes()));
        let mut stand = Vec::new();
        if both.end_journals() {
            logs.iter().for_each(|line| both.log(line.as_bytes()));
            if both.end_logs() {
                stand.extend(journals.iter().filter_map(|line| Some(both.again(line.as_bytes())?.1)));
            }
            both.end();
        }
        (both, stand)
    }

    fn counts(both: &Witnesses) -> [u64; 4] {
        [&both.within, &both.beyond, &both.doubtful, &both.logged_only].map(Ids::events)
    }

    #[test]
    fn what_one_of_them_lacks_is_known_with_its_time() {
        let all: Vec<String> = (10..20).flat_map(|at| [line(at, at), line(at, at)]).collect();
        let without = |serials: &[u64]| -> Vec<String> {
            let lacks = |line: &&String| !serials.iter().any(|serial| line.contains(&format!(":{serial})")));
            all.iter().filter(lacks).cloned().collect()
        };
        let (both, stand) = compared(&all, &all);
        assert_eq!((counts(&both), both.has_common, stand.len()), ([0; 4], true, 0));
        let (both, stand) = compared(&all, &without(&[10, 13, 14, 19]));
        assert_eq!(counts(&both), [2, 2, 0, 0]);
        let count = |wanted: Stands| stand.iter().filter(|stands| **stands == wanted).count();
        assert_eq!(
            [Stands::Before, Stands::Within, Stands::Behind, Stands::InBoth].map(count),
            [2, 4, 2, 12]
        );
        let (first, last) = both.within.span().unwrap();
        assert_eq!((first.unix(), last.unix()), (1_795_200_013, 1_795_200_014));
        let (both, _) = compared(&without(&[10, 15, 19]), &all);
        assert_eq!(counts(&both), [0, 0, 0, 1]);
        // No log has a record: it speaks of no time.
        let (both, _) = compared(&all, &[]);
        assert_eq!((counts(&both), both.has_common), ([0, 10, 0, 0], false));
        let (both, stand) = compared(&[], &all);
        assert_eq!((counts(&both), stand.len()), ([0; 4], 0));
    }

    #[test]
    fn what_auditd_says_of_itself_is_no_event_that_a_journal_could_have() {
        let daemon = "type=DAEMON_START msg=audit(1795200012.000:7777): op=start".to_owned();
        let logs = [line(10, 10), daemon, line(20, 11)];
        let (both, _) = compared(&[line(10, 10), line(20, 11)], &logs);
        assert_eq!(counts(&both), [0; 4]);
    }

    /// A kernel that was booted without audit=1 keeps nothing for auditd (kernel/audit.c, `kauditd_hold_skb`).
    #[test]
    fn what_auditd_was_not_there_to_write_is_told_apart() {
        let daemon = |second: u64, what: &str| {
            format!("type=DAEMON_{what} msg=audit({}.500:9): op=x", 1_795_200_000 + second)
        };
        let journal: Vec<String> = (10..=30).map(|at| line(at, at)).collect();
        let logs = |from: &str| {
            let first = [line(10, 10), line(11, 11), daemon(14, from)];
            let rest = [daemon(20, "START"), line(21, 21), line(22, 22), line(25, 25), line(30, 30)];
            [&first[..], &rest].concat()
        };
        let told = |logs: &[String]| {
            let (both, _) = compared(&journal, logs);
            (counts(&both), both.unwritten.events())
        };
        // 12, 13 and 14 are of a time when it wrote.
        assert_eq!(told(&logs("END")), ([3 + 6, 0, 0, 0], 6));
        // It was killed, or the machine went down: when is not known.
        assert_eq!(told(&logs("ROTATE")), ([6, 0, 0, 0], 9));
    }

    #[test]
    fn logs_of_one_machine_name_it() {
        let named = |node: &str, line: String| format!("node={node} {line}");
        let journal = [line(10, 10)];
        let node = |logs: &[String]| compared(&journal, logs).0.node().map(<[u8]>::to_vec);
        assert_eq!(node(&[named("web", line(10, 10)), named("web", line(11, 11))]), Some(b"web".to_vec()));
        assert_eq!(node(&[named("web", line(10, 10)), named("db", line(10, 10))]), None);
        assert_eq!(node(&[named("web", line(10, 10)), line(10, 10)]), None);
        assert_eq!(node(&[line(10, 10)]), None);
    }

    #[test]
    fn what_had_no_room_makes_nothing_sure() {
        let logs: Vec<String> = (0..70_000).map(|at| line(at, at * 2)).collect();
        let (both, stand) = compared(&[line(5, 10), line(5, 11), line(69_999, 139_998)], &logs);
        assert!(both.logs.left > 0);
        assert_eq!(stand, [Stands::InBoth, Stands::Doubtful, Stands::Doubtful]);
        assert_eq!(counts(&both), [0, 0, 2, both.logged_only.events()]);
    }
}
