//! What the fuzzers reach.
