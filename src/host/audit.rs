//! The kernel's audit subsystem, asked over netlink(7): reading only, never setting.

use std::io;
use std::time::Duration;

use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};

use super::{Host, Trouble};

const AUDIT_GET: u16 = 1000;
const AUDIT_LIST_RULES: u16 = 1013;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 1;
const HEADER: usize = 16;

/// Rules that are read at most; each is an answer of its own.
const RULES_LIMIT: usize = 100_000;

impl Host {
    /// The kernel's audit status, as the raw bytes of its answer to AUDIT_GET. Needs CAP_AUDIT_CONTROL in the first
    /// user and process namespaces.
    pub fn audit_status(&self) -> Result<Vec<u8>, Trouble> {
        let answers = self.ask_audit("kernel audit status", AUDIT_GET)?;
        let first = answers.into_iter().next();
        first.ok_or_else(|| Trouble::Missing("kernel audit status".into()))
    }

    /// The loaded audit rules, each as the raw bytes of an answer to AUDIT_LIST_RULES. Needs the same.
    pub fn audit_rules(&self) -> Result<Vec<Vec<u8>>, Trouble> {
        self.ask_audit("loaded audit rules", AUDIT_LIST_RULES)
    }

    fn ask_audit(&self, place: &str, kind: u16) -> Result<Vec<Vec<u8>>, Trouble> {
        if !self.is_live() {
            return Err(Trouble::Missing(place.into()));
        }
        match self.patience().ask(move || ask(kind)) {
            Ok(Ok(answers)) => Ok(answers),
            Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(Trouble::Denied(place.into()))
            }
            Ok(Err(error)) => Err(Trouble::Io(place.into(), error)),
            Err(none) => Err(self.no_answer(none, &crate::path::HostPath::root())),
        }
    }
}

/// One request, and the payloads of the answers of the same type: one for the status, all up to the end for rules.
fn ask(kind: u16) -> io::Result<Vec<Vec<u8>>> {
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(netlink::AUDIT),
    )?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(Duration::from_secs(5)))?;
    let mut request = Vec::with_capacity(HEADER);
    request.extend_from_slice(&(HEADER as u32).to_ne_bytes());
    request.extend_from_slice(&kind.to_ne_bytes());
    request.extend_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    request.extend_from_slice(&1_u32.to_ne_bytes());
    request.extend_from_slice(&0_u32.to_ne_bytes());
    rustix::net::sendto(&socket, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut answers = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    while answers.len() < RULES_LIMIT {
        let (count, _) = rustix::net::recv(&socket, buffer.as_mut_slice(), RecvFlags::empty())?;
        let answer = buffer.get(..count).unwrap_or_default();
        let Some((found, payload)) = message(answer) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer that is no netlink message"));
        };
        match found {
            NLMSG_DONE => break,
            NLMSG_ERROR => {
                let code = payload.first_chunk::<4>().map_or(0, |code| i32::from_ne_bytes(*code));
                if code != 0 {
                    return Err(io::Error::from_raw_os_error(-code));
                }
            }
            found if found == kind => {
                answers.push(payload.to_vec());
                if kind == AUDIT_GET {
                    break;
                }
            }
            // Something else that the kernel had to say; the answer is still to come.
            _ => {}
        }
    }
    Ok(answers)
}

/// Type and payload of the first message in `bytes`.
fn message(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let length = u32::from_ne_bytes(*bytes.first_chunk::<4>()?);
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk::<2>()?);
    Some((kind, bytes.get(HEADER..usize::try_from(length).ok()?)?))
}
