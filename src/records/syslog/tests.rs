//! Over bytes.

use super::*;
