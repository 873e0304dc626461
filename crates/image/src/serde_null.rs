//! Go writes empty lists and maps as `null`; reading takes both.

use serde::{Deserialize, Deserializer};

/// For `deserialize_with`: `null` is the default value.
pub(crate) fn null_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
