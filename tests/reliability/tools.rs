//! Host programs that print for ever, never end, or get away.
