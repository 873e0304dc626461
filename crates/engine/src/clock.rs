//! The time of day, and how Docker prints it.

use jiff::Timestamp;

/// Nanoseconds since the Unix epoch.
pub fn now_ns() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

/// RFC 3339 in UTC with up to nine fractional digits; zero is Docker's "never".
pub fn rfc3339(ns: i64) -> String {
    if ns == 0 {
        return corten_wire::ZERO_TIME.to_owned();
    }
    Timestamp::from_nanosecond(i128::from(ns))
        .map_or_else(|_| corten_wire::ZERO_TIME.to_owned(), |t| t.to_string())
}
