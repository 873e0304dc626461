//! Byte sizes as the command line reads them (`512m`) and as tables show them (`1.24GB`, `7.5MiB`).

const SUFFIXES: &str = "bkmgtp";

/// The text is no byte size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid size: '{0}'")]
pub struct InvalidSize(String);

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
    let invalid = || InvalidSize(text.to_owned());
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| invalid())?;
    let suffix = suffix.trim_start_matches(' ').to_ascii_lowercase();
    let exponent = match suffix.chars().next() {
        None => 0,
        Some(unit) => {
            let rest = &suffix[1..];
            let allowed = if unit == 'b' {
                rest.is_empty()
            } else {
                matches!(rest, "" | "b" | "ib")
            };
            if !allowed {
                return Err(invalid());
            }
            SUFFIXES.find(unit).ok_or_else(invalid)?
        }
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
