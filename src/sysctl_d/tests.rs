//! Rules across files.
use super::*;
