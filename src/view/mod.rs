//! Records into answers: pure, and always with what the answer does not cover. Whatever is derived here while evidence
//! is collected can be derived again from the sealed bytes.

pub mod access;
pub mod audit_coverage;
pub mod audit_witnesses;
pub mod coverage;
pub mod events;
pub mod login_sessions;
pub mod logins;
pub mod recording;
pub mod timeline;
