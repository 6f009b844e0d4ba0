//! Trees that change while they are walked.
