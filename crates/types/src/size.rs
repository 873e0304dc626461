//! Byte sizes as the command line reads them (`512m`) and as tables show them (`1.24GB`, `7.5MiB`).

const SUFFIXES: &str = "bkmgtp";

/// The text is no byte size, in the words of Go's `units`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSize {
    /// No number in it, or one no size can be.
    #[error("invalid size: '{0}'")]
    Size(String),
    /// What stands before the suffix is no number.
    #[error("strconv.ParseFloat: parsing {0:?}: invalid syntax")]
    Number(String),
    /// No such unit.
    #[error("invalid suffix: '{0}'")]
    Suffix(String),
}

/// Reads a size in bytes; suffixes `b k m g t p` (optionally followed by `b` or `ib`, any case) are powers of 1024.
///
/// # Errors
/// When the text is empty, negative, not a number or carries another suffix.
pub fn parse_bytes(text: &str) -> Result<u64, InvalidSize> {
    parse(text, 1024.0)
}

/// Like [`parse_bytes`] with powers of 1000 (Go's `units.FromHumanSize`).
///
/// # Errors
/// As with [`parse_bytes`].
pub fn parse_decimal_bytes(text: &str) -> Result<u64, InvalidSize> {
    parse(text, 1000.0)
}

fn parse(text: &str, base: f64) -> Result<u64, InvalidSize> {
    let invalid = || InvalidSize::Size(text.to_owned());
    let end = text
        .rfind(|c: char| c.is_ascii_digit() || matches!(c, '.' | ' '))
        .ok_or_else(invalid)?;
    // A space between number and unit belongs to neither.
    let number = text[..=end].strip_suffix(' ').unwrap_or(&text[..=end]);
    let suffix = &text[end + 1..];
    let number: f64 = number
        .parse()
        .map_err(|_| InvalidSize::Number(number.to_owned()))?;
    if number < 0.0 {
        return Err(invalid());
    }
    let unit = suffix.to_ascii_lowercase();
    let exponent = match unit.as_bytes() {
        [] | [b'b'] => 0,
        [unit] | [unit, b'b'] | [unit, b'i', b'b'] => SUFFIXES
            .bytes()
            .position(|known| known == *unit && *unit != b'b')
            .ok_or_else(|| InvalidSize::Suffix(suffix.to_ascii_lowercase()))?,
        // So long a one is shown as it was written.
        [_, _, _, _, ..] => return Err(InvalidSize::Suffix(suffix.to_owned())),
        _ => return Err(InvalidSize::Suffix(unit)),
    };
    let bytes = number * base.powi(i32::try_from(exponent).unwrap_or(0));
    if bytes.is_finite() && bytes < 9.2e18 {
        Ok(bytes as u64)
    } else {
        Err(invalid())
    }
}

/// A size with three significant digits and decimal units: `63.2MB`, as image tables show it.
pub fn decimal_size(bytes: f64) -> String {
    significant(bytes, 1000.0, &["B", "kB", "MB", "GB", "TB", "PB", "EB"], 3)
}

/// A size with four significant digits and decimal units: `63.21MB`, as `system df` shows it.
pub fn precise_size(bytes: f64) -> String {
    significant(bytes, 1000.0, &["B", "kB", "MB", "GB", "TB", "PB", "EB"], 4)
}

/// A size with four significant digits and binary units: `7.637GiB`, as `info` and `stats` show it.
pub fn binary_size(bytes: f64) -> String {
    significant(bytes, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], 4)
}

fn significant(mut value: f64, base: f64, units: &[&str], digits: i32) -> String {
    let mut unit = 0;
    while value >= base && unit + 1 < units.len() {
        value /= base;
        unit += 1;
    }
    // C's %.{digits}g: significant digits, trailing zeros cut.
    let integer_digits = if value >= 1.0 {
        value.log10().floor() as i32 + 1
    } else {
        1
    };
    let decimals = usize::try_from(digits - integer_digits).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dockers_suffixes() {
        for (text, bytes) in [
            ("0", 0),
            ("512", 512),
            ("1k", 1024),
            ("1.5m", 1_572_864),
            ("2GB", 2 << 30),
            ("1gib", 1 << 30),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        assert_eq!(parse_decimal_bytes("10m"), Ok(10_000_000));
        for bad in ["", "-1", "x", "1x", "1bb", "1e99999p"] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn prints_significant_digits() {
        assert_eq!(decimal_size(0.0), "0B");
        assert_eq!(decimal_size(63_210_000.0), "63.2MB");
        assert_eq!(decimal_size(987_000.0), "987kB");
        assert_eq!(decimal_size(1_240_000_000.0), "1.24GB");
        assert_eq!(binary_size(8_200_000_000.0), "7.637GiB");
        assert_eq!(binary_size(512.0 * 1024.0 * 1024.0), "512MiB");
    }
}
