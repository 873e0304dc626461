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

/// The same in whole seconds, as Docker shows volumes.
pub(crate) fn rfc3339_seconds(ns: i64) -> String {
    rfc3339(ns - ns.rem_euclid(1_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds() {
        assert_eq!(rfc3339_seconds(1_999_999_999), "1970-01-01T00:00:01Z");
        assert_eq!(rfc3339_seconds(0), corten_wire::ZERO_TIME);
    }
}
