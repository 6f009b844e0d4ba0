//! The log that auditd writes: one record a line, `type=TYPE msg=audit(SECONDS.MILLISECONDS:SERIAL): FIELDS`
//! (auditd(8); kernel/audit.c, `audit_log_start`).

use crate::clock::Timestamp;

/// What one file says as a whole.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    span: Option<(Timestamp, Timestamp)>,
}

impl Summary {
    /// The next bytes of the file.
    pub fn piece(&mut self, _bytes: &[u8]) {}

    /// The file has ended.
    pub fn end(&mut self) {}

    /// The times of the earliest and the latest record.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.span
    }
}
