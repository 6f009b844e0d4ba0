//! Processes that do all they can to be unreadable.
