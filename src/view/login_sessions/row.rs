//! Sessions as rows.

use super::{Elevation, Session};
use crate::custody::rows::login_views::{ElevationRow, EvidenceRow, LoginSessionRow, TextColumn};
use crate::records::auth_text::TimeQuality;

impl Session {
    /// The row of it.
    pub fn row(&self) -> LoginSessionRow {
        let column = |text: &[u8]| TextColumn::of(text);
        let key = self.key.as_ref();
        let evidence = self.evidence.iter().map(|(field, evidence)| EvidenceRow {
            field,
            file: evidence.place.file,
            offset: evidence.place.offset,
            source: evidence.source.word(),
        });
        LoginSessionRow {
            address: column(&self.from.address),
            auid: self.auid,
            elevations: self.elevations.iter().map(Elevation::row).collect(),
            end: self.end,
            ending: self.ending.word(),
            epoch: self.epoch,
            evidence: evidence.collect(),
            flags: self.flags.iter().map(|flag| flag.word()).collect(),
            host: column(&self.host),
            hostname: column(&self.hostname),
            key_detail: key.and_then(|key| column(&key.detail)),
            key_fingerprint: key.and_then(|key| column(&key.fingerprint)),
            key_kind: key.and_then(|key| column(&key.kind)),
            label: self.label.word(),
            method: column(&self.method),
            pid: self.pid,
            port: self.from.port,
            schema: "phi-ir.login-session/1",
            service: column(&self.service),
            ses: self.ses,
            start: self.start,
            terminal: column(&self.terminal),
            time_quality: match self.quality {
                TimeQuality::Exact => "exact",
                TimeQuality::Zone => "zone",
                TimeQuality::YearInferred => "year_inferred",
                TimeQuality::YearAndZone => "year_and_zone",
            },
            user: column(&self.user),
        }
    }
}

impl Elevation {
    /// As a row tells it.
    pub fn row(&self) -> ElevationRow {
        ElevationRow {
            by: TextColumn::of(&self.by),
            command: TextColumn::of(&self.command),
            file: self.evidence.place.file,
            offset: self.evidence.place.offset,
            refused: self.refused,
            source: self.evidence.source.word(),
            time: self.time,
            to: TextColumn::of(&self.to),
        }
    }
}
