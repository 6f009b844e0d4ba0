//! Archives that are not as ours are: what ZIP readers stumble over.
