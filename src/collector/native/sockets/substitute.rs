//! What stands in for a table that this kernel does not offer: the text in /proc/net, or the proof that there is no socket of
//! that kind. And the texts of ping sockets, which no kernel offers otherwise.

use super::answers::{Answers, Dump, Instead};
use super::gather::{Asked, Listed};
use crate::collector::run::Run;
use crate::host::kernel_text::Text;
use crate::host::netns::NetworkNamespace;
use crate::intake::Halt;
use crate::records::proc_net::{self, Registered};
use crate::records::sock_diag::Question;
use crate::records::sockets::{INET, INET6, Protocol, XDP};

/// Finds the best answer to each question that the kernel refused, and to those about ping sockets.
pub fn answer(
    run: &mut Run<'_, '_>,
    answers: &mut Answers,
    (index, namespace): (usize, &NetworkNamespace),
    mut unanswered: Vec<Dump>,
    listed: &mut Vec<Listed>,
    asked: &mut Asked,
) -> Result<(), Halt> {
    let ping = [INET, INET6].map(|family| Question { family, protocol: Some(Protocol::Ping) });
    unanswered.extend(ping.map(Dump::of_text));
    let mut names = vec!["protocols"];
    names.extend(unanswered.iter().filter_map(|dump| dump.question.text()));
    let texts = match run.host.net_texts(namespace, names) {
        Ok(texts) => texts,
        Err(trouble) => {
            asked.trouble.get_or_insert(trouble.verdict());
            asked.dumps.extend(unanswered);
            return Ok(());
        }
    };
    for (name, text) in &texts {
        if let Ok(text) = text {
            answers.text(run, namespace.inode, &format!("/proc/net/{name}"), text)?;
        }
    }
    let of = |name: Option<&str>| texts.iter().find(|(known, _)| Some(*known) == name).map(|(_, text)| text);
    let protocols = of(Some("protocols")).and_then(|text| proc_net::protocols(&text.as_ref().ok()?.bytes));
    for mut dump in unanswered {
        match of(dump.question.text()) {
            _ if is_not_registered(protocols.as_deref(), dump.question) => {
                (dump.instead, dump.trouble) = (Some(Instead::NotRegistered), None);
            }
            Some(Ok(text)) => read_text(index, text, &mut dump, listed),
            _ if counts_none(protocols.as_deref(), dump.question) => {
                (dump.instead, dump.trouble) = (Some(Instead::NoneCounted), None);
            }
            // Nothing else lists ping sockets, and nothing lists those of vsock: the descriptors remain.
            Some(Err(trouble)) => {
                dump.trouble.get_or_insert(trouble.verdict());
            }
            None => dump.instead = Some(Instead::Descriptors),
        }
        asked.dumps.push(dump);
    }
    Ok(())
}

fn read_text(namespace: usize, text: &Text, dump: &mut Dump, listed: &mut Vec<Listed>) {
    dump.instead = Some(Instead::Text);
    dump.trouble = text.verdict(&format!("{}: the text in /proc/net", dump.question.name()));
    for socket in proc_net::sockets(dump.question, &text.bytes) {
        match socket {
            Ok(socket) => {
                dump.rows += 1;
                listed.push(Listed { namespace, from_text: true, socket });
            }
            Err(_) => dump.unread += 1,
        }
    }
}

fn registered(protocols: Option<&[Registered]>, question: Question) -> Option<&Registered> {
    protocols?.iter().find(|known| known.name == question.kernel_name().as_bytes())
}

/// Only a list that was read shows that something is not on it.
fn is_not_registered(protocols: Option<&[Registered]>, question: Question) -> bool {
    protocols.is_some_and(|protocols| !protocols.is_empty()) && registered(protocols, question).is_none()
}

/// These protocols count every socket of theirs from its making on (seen in Linux 6.18); others only those that are
/// bound, or none.
fn counts_none(protocols: Option<&[Registered]>, question: Question) -> bool {
    let counts_all = question.family == XDP || question.protocol == Some(Protocol::Sctp);
    counts_all && registered(protocols, question).is_some_and(|known| known.sockets == Some(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_on_a_list_that_was_not_read_may_be_there() {
        let sctp = Question { family: INET, protocol: Some(Protocol::Sctp) };
        let known = |name: &str, sockets| Registered { name: name.as_bytes().to_vec(), sockets };
        assert!(!is_not_registered(None, sctp) && !is_not_registered(Some(&[]), sctp));
        assert!(is_not_registered(Some(&[known("TCP", Some(1))]), sctp));
        assert!(!is_not_registered(Some(&[known("SCTP", None)]), sctp));
        assert!(counts_none(Some(&[known("SCTP", Some(0))]), sctp));
        assert!(!counts_none(Some(&[known("SCTP", None)]), sctp) && !counts_none(None, sctp));
        let vsock = Question { family: 40, protocol: None };
        assert!(!counts_none(Some(&[known("AF_VSOCK", Some(0))]), vsock), "it counts nothing at all");
    }
}
