//! Number constants of templates, by the rules of Go's `parse.newNumber`.

use crate::quote::{Piece, quote, unquote_char};

/// A number constant: an integer, a float, or both when the value is both.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Number {
    /// As written.
    pub(crate) text: String,
    /// Its value as an integer, when it is one.
    pub(crate) int: Option<i64>,
    /// Whether it is an integer beyond `int`.
    pub(crate) is_large: bool,
    /// Its value as a float.
    pub(crate) float: f64,
    /// Whether it is a float by the way it is written.
    pub(crate) is_float: bool,
}

impl Number {
    /// Reads a character constant with its quotes.
    pub(crate) fn from_char(text: &str) -> Result<Self, String> {
        let (piece, tail) = text
            .get(1..)
            .and_then(|inner| unquote_char(inner, '\''))
            .ok_or("invalid syntax")?;
        if tail != "'" {
            return Err(format!("malformed character constant: {text}"));
        }
        let code = match piece {
            Piece::Char(c) => i64::from(u32::from(c)),
            Piece::Byte(byte) => i64::from(byte),
        };
        Ok(Self {
            text: text.to_owned(),
            int: Some(code),
            is_large: false,
            float: code as f64,
            is_float: false,
        })
    }

    /// Reads a number.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.ends_with('i') {
            return Err(format!("complex numbers are not supported: {}", quote(text)));
        }
        let number = |int, is_large, float, is_float| Self {
            text: text.to_owned(),
            int,
            is_large,
            float,
            is_float,
        };
        match integer(text) {
            Some(value) => {
                if let Ok(int) = i64::try_from(value) {
                    return Ok(number(Some(int), false, int as f64, false));
                }
                if let Ok(large) = u64::try_from(value) {
                    return Ok(number(None, true, large as f64, false));
                }
                return Err(format!("integer overflow: {}", quote(text)));
            }
            None if is_integer_text(text) => return Err(format!("integer overflow: {}", quote(text))),
            None => {}
        }
        let float = float(text).ok_or_else(|| format!("illegal number syntax: {}", quote(text)))?;
        let int = (float.trunc() == float && float.abs() < 9e18).then_some(float as i64);
        Ok(number(int, false, float, true))
    }
}

/// The sign, and the rest.
fn sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// Base, digits and whether there is a prefix (behind which an underscore may stand).
fn base(digits: &str) -> (u32, &str, bool) {
    let lower = digits.get(..2).map(str::to_ascii_lowercase);
    match lower.as_deref() {
        Some("0x") => (16, &digits[2..], true),
        Some("0o") => (8, &digits[2..], true),
        Some("0b") => (2, &digits[2..], true),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..], true),
        _ => (10, digits, false),
    }
}

/// The digits without their underscores, which must stand between digits.
fn without_underscores(digits: &str, prefixed: bool) -> Option<String> {
    let bytes = digits.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let before = if at == 0 { prefixed } else { bytes[at - 1] != b'_' };
        if *byte == b'_' && (!before || at + 1 == bytes.len()) {
            return None;
        }
    }
    Some(digits.replace('_', ""))
}

/// Go's `strconv.ParseInt(text, 0, …)`, in a wider type.
fn integer(text: &str) -> Option<i128> {
    let (negative, rest) = sign(text);
    let (radix, digits, prefixed) = base(rest);
    let digits = without_underscores(digits, prefixed)?;
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i128::from_str_radix(&digits, radix).ok()?;
    Some(if negative { -value } else { value })
}

/// Whether the text is an integer that is only too large.
fn is_integer_text(text: &str) -> bool {
    let (_, rest) = sign(text);
    let (radix, digits, prefixed) = base(rest);
    without_underscores(digits, prefixed)
        .is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix)))
}

/// Go's `strconv.ParseFloat`: decimal or hexadecimal.
fn float(text: &str) -> Option<f64> {
    let (negative, rest) = sign(text);
    let value = match rest.get(..2) {
        Some("0x" | "0X") => hex_float(&rest[2..])?,
        _ => {
            let digits = without_underscores(rest, false).filter(|_| !rest.contains('_'))?;
            if !digits.contains(|c: char| c.is_ascii_digit())
                || digits.contains(|c: char| c.is_alphabetic() && !matches!(c, 'e' | 'E'))
            {
                return None;
            }
            let value: f64 = digits.parse().ok()?;
            if value.is_infinite() {
                return None;
            }
            value
        }
    };
    Some(if negative { -value } else { value })
}

/// `1.8p3`: the exponent is of two and must be there.
fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for c in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(c.to_digit(16)?);
    }
    let exponent: i32 = exponent.parse().ok()?;
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?.checked_mul(4)?)?;
    let value = value * 2f64.powi(shift);
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_go_does() {
        for (text, int) in [
            ("0x1F", 31),
            ("0b101", 5),
            ("0o17", 15),
            ("017", 15),
            ("1_000", 1000),
            ("-7", -7),
            ("0", 0),
        ] {
            assert_eq!(Number::parse(text).unwrap().int, Some(int), "{text}");
        }
        let float = Number::parse("1e3").unwrap();
        assert_eq!(
            (float.int, float.float, float.is_float),
            (Some(1000), 1000.0, true)
        );
        assert_eq!(Number::parse("0x1p4").unwrap().float, 16.0);
        assert_eq!(Number::parse("1.5").unwrap().int, None);
        assert!(Number::parse("18446744073709551615").unwrap().is_large);
        assert_eq!(
            Number::parse("99999999999999999999").unwrap_err(),
            "integer overflow: \"99999999999999999999\""
        );
        assert!(
            Number::parse("1i").is_err() && Number::parse("1__0").is_err() && Number::parse("+").is_err()
        );
        assert_eq!(Number::from_char("'a'").unwrap().int, Some(97));
        assert_eq!(Number::from_char("'\\n'").unwrap().int, Some(10));
        assert!(Number::from_char("'ab'").is_err());
    }
}
