//! Values of flags, read by Go's rules and refused in Go's words.

use std::num::IntErrorKind;

/// Judges an integer.
pub(super) fn int(text: &str) -> Result<(), String> {
    integer(text).map(drop)
}

/// Reads an integer as Go's `strconv.ParseInt(text, 0, 64)`.
pub(crate) fn integer(text: &str) -> Result<i64, String> {
    let plain = without_underscores(text);
    let text_or_plain = plain.as_deref().unwrap_or(text);
    let (sign, digits) = match text_or_plain.as_bytes().first() {
        Some(b'-') => ("-", &text_or_plain[1..]),
        Some(b'+') => ("", &text_or_plain[1..]),
        _ => ("", text_or_plain),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    let refuse = |reason| format!("strconv.ParseInt: parsing {text:?}: {reason}");
    if digits.starts_with(['+', '-']) {
        return Err(refuse("invalid syntax"));
    }
    i64::from_str_radix(&format!("{sign}{digits}"), radix).map_err(|error| {
        refuse(match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        })
    })
}

/// Go lets `_` stand between two digits; `None` where there is none, or one in another place.
pub(crate) fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_hexdigit);
    let fits = |(at, b): (usize, &u8)| *b != b'_' || digit(at.checked_sub(1)) && digit(Some(at + 1));
    (text.contains('_') && bytes.iter().enumerate().all(fits)).then(|| text.replace('_', ""))
}

/// Reads a truth value as Go's `strconv.ParseBool`.
pub(crate) fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_as_go_reads_them() {
        assert_eq!(integer("-1"), Ok(-1));
        assert_eq!(integer("0x10"), Ok(16));
        assert_eq!(integer("010"), Ok(8));
        assert_eq!(integer("0"), Ok(0));
        assert_eq!(integer("1_000"), Ok(1000));
        assert!(integer("1__0").is_err() && integer("_1").is_err() && integer("1_").is_err());
        for (text, reason) in [
            ("x", "invalid syntax"),
            ("", "invalid syntax"),
            ("--1", "invalid syntax"),
            ("99999999999999999999", "value out of range"),
        ] {
            assert_eq!(
                integer(text),
                Err(format!("strconv.ParseInt: parsing {text:?}: {reason}"))
            );
        }
    }
}
