//! Times in parameters: Unix seconds with up to nine decimals.

/// Nanoseconds in a second.
const NANOS: i64 = 1_000_000_000;

/// Reads `1136073600` or `1136073600.000000001` as Unix nanoseconds. Times beyond what 64 bits hold become the last one.
pub(crate) fn unix_nanos(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit()) || fraction.len() > 9 {
        return None;
    }
    let seconds: i64 = seconds.parse().ok()?;
    let nanos: i64 = if fraction.is_empty() {
        0
    } else {
        format!("{fraction:0<9}").parse().ok()?
    };
    Some(seconds.saturating_mul(NANOS).saturating_add(nanos))
}

#[cfg(test)]
mod tests {
    use super::unix_nanos;

    #[test]
    fn reads_seconds_and_decimals() {
        assert_eq!(unix_nanos("12"), Some(12_000_000_000));
        assert_eq!(unix_nanos("12.5"), Some(12_500_000_000));
        assert_eq!(unix_nanos("12.000000001"), Some(12_000_000_001));
        assert_eq!(unix_nanos("99999999999"), Some(i64::MAX));
        for bad in ["", "x", "1.x", "1.0000000001", "2024-01-01", "."] {
            assert_eq!(unix_nanos(bad), None, "{bad}");
        }
    }
}
