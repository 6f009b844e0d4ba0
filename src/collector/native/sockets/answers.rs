//! The capture of all that the kernel answered, and one question put to it.

use std::collections::{HashMap, HashSet};

use crate::collector::run::Run;
use crate::collector::tables::{Put, Rows, write_answer, write_text};
use crate::custody::ledger::Reason;
use crate::custody::outcome::Outcome;
use crate::host::kernel_text::Text;
use crate::host::netlink::{Answer, Netlink};
use crate::intake::Halt;
use crate::records::interfaces;
use crate::records::sock_diag::{BY_FAMILY, Question};
use crate::records::sockets::Socket;

/// The capture, while it is open.
pub struct Answers {
    /// Its rows.
    pub sheet: Rows,
    /// 1 at first; 2 where something is asked again.
    pub round: u32,
}

/// How one question ended, and what it gave.
pub struct Dump {
    /// The question.
    pub question: Question,
    /// How often it was put.
    pub attempts: u32,
    /// Sockets that came.
    pub rows: u64,
    /// Sockets that came twice, alike; one of each is kept.
    pub doubled: u64,
    /// Messages or lines that could not be read.
    pub unread: u64,
    /// What stands in for the table.
    pub instead: Option<Instead>,
    /// Why it is not whole.
    pub trouble: Option<(Outcome, Reason)>,
}

/// What stands in for a table that the kernel does not offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instead {
    /// The text in /proc/net.
    Text,
    /// The protocol is not registered, so that there can be no socket of it.
    NotRegistered,
    /// The kernel counts the sockets of this protocol, and counts none.
    NoneCounted,
    /// The descriptors of all processes.
    Descriptors,
}

impl Instead {
    /// Its words in the table.
    pub fn word(self) -> &'static str {
        match self {
            Instead::Text => "/proc/net",
            Instead::NotRegistered => "not registered",
            Instead::NoneCounted => "none counted",
            Instead::Descriptors => "descriptors",
        }
    }
}

impl Dump {
    /// One that was never put.
    pub fn refused(question: Question, verdict: &(Outcome, Reason)) -> Dump {
        Dump {
            question,
            attempts: 0,
            rows: 0,
            doubled: 0,
            unread: 0,
            instead: None,
            trouble: Some(verdict.clone()),
        }
    }

    /// One that a text answers, and nothing else.
    pub fn of_text(question: Question) -> Dump {
        Dump { question, attempts: 1, rows: 0, doubled: 0, unread: 0, instead: None, trouble: None }
    }

    /// Whether it lists every socket of its kind in its namespace.
    pub fn is_whole(&self) -> bool {
        self.trouble.is_none() && self.unread == 0 && self.instead != Some(Instead::Descriptors)
    }
}

impl Answers {
    /// Puts a question in the namespace that `netlink` is in, captures the answer, and hands each socket to `each`.
    pub fn ask(
        &mut self,
        run: &mut Run<'_, '_>,
        netns: u64,
        netlink: &Netlink<'_>,
        question: Question,
        mut each: impl FnMut(Socket),
    ) -> Result<(Dump, Answer), Halt> {
        let body = question.body();
        let mut answer = netlink.dump(BY_FAMILY, &body);
        let name = question.name();
        let put = Put { netns, question: &name, request: Some((BY_FAMILY, &body)), round: Some(self.round) };
        let mut dump = Dump {
            question,
            attempts: answer.attempts,
            rows: 0,
            doubled: 0,
            unread: 0,
            instead: None,
            trouble: answer.verdict(&name),
        };
        let mut groups_told = HashSet::new();
        for datagram in std::mem::take(&mut answer.datagrams) {
            for socket in question.sockets(&datagram) {
                match socket {
                    // The kernel lists what listens to groups of netlink once more (seen in Linux 6.18).
                    Ok(Socket { groups: Some(_), cookie: Some(cookie), .. })
                        if !groups_told.insert(cookie) =>
                    {
                        dump.doubled += 1;
                    }
                    Ok(socket) => {
                        dump.rows += 1;
                        each(socket);
                    }
                    Err(_) => dump.unread += 1,
                }
            }
            put.piece(&mut self.sheet, run, answer.attempts, datagram)?;
        }
        put.ended(&mut self.sheet, run, answer.attempts, &answer.ending)?;
        Ok((dump, answer))
    }

    /// Captures a text.
    pub fn text(&mut self, run: &mut Run<'_, '_>, netns: u64, name: &str, text: &Text) -> Result<(), Halt> {
        let put = Put { round: Some(self.round), ..Put::text(netns, name) };
        write_text(&mut self.sheet, run, put, text)
    }

    /// The names of the interfaces of a namespace, captured and read.
    pub fn interfaces(
        &mut self,
        run: &mut Run<'_, '_>,
        netns: u64,
        netlink: &Netlink<'_>,
    ) -> Result<HashMap<u32, Vec<u8>>, Halt> {
        let answer = netlink.dump(interfaces::GET_LINK, &interfaces::ALL_LINKS);
        let request = Some((interfaces::GET_LINK, &interfaces::ALL_LINKS[..]));
        let put = Put { netns, question: "rtnetlink links", request, round: Some(self.round) };
        write_answer(&mut self.sheet, run, put, &answer)?;
        Ok(answer.datagrams.iter().flat_map(|datagram| interfaces::names(datagram)).collect())
    }
}
