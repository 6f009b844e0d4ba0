//! Clocks that step back and forward during a run.
