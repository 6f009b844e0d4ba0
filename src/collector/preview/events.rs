//! The audit events that a run would cause below the PHI folders, told beforehand by going the same way: every folder,
//! but no file and no link, is opened.

use std::sync::Arc;

use rustix::fs::FileType;

use crate::collector::native::phi_files::READ_EVENTS;
use crate::collector::native::phi_files::roots::Roots;
use crate::collector::request::Request;
use crate::collector::steps::changed_in;
use crate::host::Host;
use crate::host::allowance::{Allowance, FILE_EVENTS, FOLDER_EVENTS, LINK_EVENTS};
use crate::host::knock::KNOCK_EVENTS;
use crate::host::pattern::Pattern;
use crate::host::walk::{Found, Manner, Sight};
use crate::path::HostPath;

/// What lies below the PHI folders, and what looking at it costs.
#[derive(Default)]
pub struct Forecast {
    /// Events that the run would cause.
    pub events: u64,
    /// Names that are no folders.
    pub files: u64,
    /// Bytes of those that would be hashed.
    pub bytes: u64,
}

/// What of it the plan holds.
#[derive(Clone, Copy)]
pub struct Asked {
    /// The folders are listed.
    pub listing: bool,
    /// The content of what changed is taken.
    pub content: bool,
    /// They are opened to see that recorded.
    pub coverage: bool,
}

/// Looks ahead, within `allowance`; ends where the run itself would have to end.
pub fn forecast(host: &Host, request: &Request, asked: Asked, allowance: &Arc<Allowance>) -> Forecast {
    let mut ahead = Ahead {
        asked,
        forecast: Forecast::default(),
        // What the run will have, without the waits.
        run: Allowance::new(allowance.events(), u32::MAX, u32::MAX),
        ended: false,
    };
    if asked.listing || asked.content || asked.coverage {
        ahead.knocks(request);
        ahead.folders(host, request, allowance);
    }
    ahead.forecast
}

struct Ahead {
    asked: Asked,
    forecast: Forecast,
    run: Allowance,
    ended: bool,
}

impl Ahead {
    /// Each folder is knocked at before any is listed.
    fn knocks(&mut self, request: &Request) {
        for _ in &request.phi_roots {
            if self.asked.coverage && self.run.spend(KNOCK_EVENTS) {
                self.forecast.events += KNOCK_EVENTS;
            }
        }
    }

    /// In the order of the listing, and what lies in another folder once; but content is looked for in each by itself.
    fn folders(&mut self, host: &Host, request: &Request, allowance: &Arc<Allowance>) {
        let mut roots = Roots::of(&request.phi_roots);
        for root in roots.outer() {
            self.folder(host, request, &root, allowance, &mut roots);
        }
        while let Some(root) = roots.next_unseen() {
            self.folder(host, request, &root, allowance, &mut roots);
        }
        self.asked.listing = false;
        for root in roots.listed_with_another() {
            if self.asked.content {
                self.folder(host, request, &root, allowance, &mut roots);
            }
        }
    }

    fn folder(
        &mut self,
        host: &Host,
        request: &Request,
        root: &HostPath,
        allowance: &Arc<Allowance>,
        roots: &mut Roots,
    ) {
        if self.ended {
            return;
        }
        let (files, bytes) = (self.forecast.files, self.forecast.bytes);
        let mut content = 0;
        let manner = Manner { targets: false, ..Manner::sparing(allowance) };
        let mut walk = host.walk_in(&Pattern::below(root), manner);
        while let Some(sight) = walk.sight() {
            roots.notice(&sight);
            let found = match sight {
                Sight::Seen(found) => found,
                Sight::Other(Found::OverAllowance(_)) => {
                    self.ended = true;
                    break;
                }
                Sight::Other(_) => continue,
            };
            self.forecast.files += u64::from(found.met.kind != FileType::Directory);
            match found.met.kind {
                FileType::Directory => {
                    content += FOLDER_EVENTS;
                    self.spend(FOLDER_EVENTS);
                }
                FileType::Symlink => self.spend(LINK_EVENTS),
                FileType::RegularFile if changed_in(&request.window, &found.met.stat) => {
                    self.forecast.bytes += found.met.stat.size;
                    content += FILE_EVENTS;
                    if self.asked.listing && self.run.spend_sparingly(READ_EVENTS) {
                        self.forecast.events += READ_EVENTS;
                    }
                }
                _ => {}
            }
            if self.ended {
                break;
            }
        }
        if self.asked.content {
            self.forecast.events += content;
        }
        if !self.asked.listing {
            (self.forecast.files, self.forecast.bytes) = (files, bytes);
        }
    }

    /// The listing of the run opens something.
    fn spend(&mut self, events: u64) {
        if !self.asked.listing {
            return;
        }
        if self.run.spend(events) {
            self.forecast.events += events;
        } else {
            self.ended = true;
        }
    }
}
