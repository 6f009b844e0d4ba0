//! Tries to log in, counted.
