//! Messages as they were captured, and as documents have them.

use super::*;
