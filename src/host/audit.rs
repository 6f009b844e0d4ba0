//! The kernel's audit subsystem, asked over netlink(7): reading only, never setting.

use std::io;

use rustix::io::Errno;

use super::netlink::{Answer, Ending, Subsystem};
use super::{Host, READ_DEADLINE, Trouble};
use crate::records::netlink::messages;

/// `struct audit_status`.
const GET: u16 = 1000;
/// Each rule in an answer of its own, and an end.
const LIST_RULES: u16 = 1013;
/// `struct audit_features`.
const GET_FEATURE: u16 = 1019;

/// What can be asked. All of it needs CAP_AUDIT_CONTROL in the first user and process namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditQuestion {
    /// On or off, locked, lost: AUDIT_GET.
    Status,
    /// What protects login uids: AUDIT_GET_FEATURE, since Linux 3.13.
    Features,
    /// The rules in force: AUDIT_LIST_RULES.
    Rules,
}

impl AuditQuestion {
    /// What it is called in entries.
    pub fn words(self) -> &'static str {
        match self {
            AuditQuestion::Status => "netlink audit, AUDIT_GET",
            AuditQuestion::Features => "netlink audit, AUDIT_GET_FEATURE",
            AuditQuestion::Rules => "netlink audit, AUDIT_LIST_RULES",
        }
    }

    fn kind(self) -> u16 {
        match self {
            AuditQuestion::Status => GET,
            AuditQuestion::Features => GET_FEATURE,
            AuditQuestion::Rules => LIST_RULES,
        }
    }

    /// What an answer says: the payloads of its messages of the asked kind.
    pub fn payloads(self, answer: &Answer) -> Vec<Vec<u8>> {
        let all = answer.datagrams.iter().flat_map(|datagram| messages(datagram)).filter_map(Result::ok);
        all.filter(|message| message.kind == self.kind()).map(|message| message.payload.to_vec()).collect()
    }
}

impl Host {
    /// Puts a question, and gives what came.
    pub fn ask_audit(&self, question: AuditQuestion) -> Result<Answer, Trouble> {
        let netlink = self.netlink(Subsystem::Audit, None)?;
        Ok(match question {
            // Asked as for a table, so that the answer ends with its end and not with the first rule.
            AuditQuestion::Rules => netlink.dump(question.kind(), &[]),
            AuditQuestion::Status | AuditQuestion::Features => netlink.ask(question.kind(), 0, &[]),
        })
    }

    /// The kernel's audit status, as the raw bytes of its answer to AUDIT_GET.
    pub fn audit_status(&self) -> Result<Vec<u8>, Trouble> {
        let first = self.whole(AuditQuestion::Status)?.into_iter().next();
        first.ok_or_else(|| Trouble::Missing("kernel audit status".into()))
    }

    /// The loaded audit rules, each as the raw bytes of an answer to AUDIT_LIST_RULES.
    pub fn audit_rules(&self) -> Result<Vec<Vec<u8>>, Trouble> {
        self.whole(AuditQuestion::Rules)
    }

    fn whole(&self, question: AuditQuestion) -> Result<Vec<Vec<u8>>, Trouble> {
        let answer = self.ask_audit(question)?;
        let place = question.words().to_owned();
        match answer.ending {
            Ending::Done => Ok(question.payloads(&answer)),
            Ending::Refused(errno @ (Errno::PERM | Errno::ACCESS)) => Err(Trouble::from_errno(errno, place)),
            Ending::Silent => Err(Trouble::Hung(place, READ_DEADLINE.as_secs())),
            _ => {
                let words = answer.verdict("the answer").map_or_else(String::new, |(_, reason)| reason.words);
                Err(Trouble::Io(place, io::Error::other(words)))
            }
        }
    }
}
