//! Where in a JSON text something is.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// A place in a text, counted from 1, columns in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    line: usize,
    column: usize,
}

impl Place {
    /// Where the text stops being JSON.
    pub(crate) fn of_mistake(text: &[u8]) -> Option<Self> {
        let error = serde_json::from_slice::<IgnoredAny>(text).err()?;
        Some(Self {
            line: error.line(),
            column: error.column(),
        })
    }

    /// Where the value begins that keys, from the outermost on, lead to.
    pub(crate) fn of_value(text: &[u8], keys: &[String]) -> Option<Self> {
        let mut value: &RawValue = serde_json::from_slice(text).ok()?;
        for key in keys {
            let map: BTreeMap<String, &RawValue> = serde_json::from_str(value.get()).ok()?;
            value = map.get(key)?;
        }
        let offset = value.get().as_ptr().addr().checked_sub(text.as_ptr().addr())?;
        let before = text.get(..offset)?;
        let line_start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        Some(Self {
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            column: offset - line_start + 1,
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}
