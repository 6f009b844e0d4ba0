//! age files that are not as they must be: C2SP's vectors, through every verb that reads.
