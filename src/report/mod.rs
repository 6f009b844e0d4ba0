//! Answers into what people and programs read: tables, CSV, JSON Lines, Timesketch, mactime's bodyfile, syslog and ECS.
//! Nothing of an examined host reaches a terminal or a spreadsheet as it is.

pub mod accesses;
pub mod bodyfile;
pub mod csv;
pub mod found;
pub mod logins;
pub mod rows;
pub mod siem;
pub mod table;
pub mod timeline;
pub mod timesketch;
