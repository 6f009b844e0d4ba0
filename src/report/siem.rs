//! Accesses and logins for a SIEM.
