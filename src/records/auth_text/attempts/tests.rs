//! Counts of what was captured.

use super::*;
