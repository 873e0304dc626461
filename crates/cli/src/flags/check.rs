//! Values of flags, read by Go's rules and refused in Go's words.

use std::num::IntErrorKind;

/// Judges an integer.
pub(super) fn int(text: &str) -> Result<(), String> {
    integer(text).map(drop)
}

/// Reads an integer as Go's `strconv.ParseInt(text, 0, 64)`.
pub(crate) fn integer(text: &str) -> Result<i64, String> {
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => ("-", &text[1..]),
        Some(b'+') => ("", &text[1..]),
        _ => ("", text),
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

/// Reads a truth value as Go's `strconv.ParseBool`.
pub(crate) fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

/// Reads a duration as Go's `time.ParseDuration`; in nanoseconds.
pub(crate) fn duration(text: &str) -> Result<i64, String> {
    let refuse = || format!("time: invalid duration {text:?}");
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(refuse());
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(|| format!("time: missing unit in duration {text:?}"))?;
        let (number, tail) = rest.split_at(end);
        let number: f64 = number.parse().map_err(|_| refuse())?;
        let end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let scale = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return Err(format!("time: unknown unit {unit:?} in duration {text:?}")),
        };
        total += number * scale;
        rest = tail;
    }
    if total > i64::MAX as f64 {
        return Err(refuse());
    }
    let total = total as i64;
    Ok(if negative { -total } else { total })
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

    #[test]
    fn durations_as_go_reads_them() {
        assert_eq!(duration("1h2m3.5s"), Ok(3_723_500_000_000));
        assert_eq!(duration("-1ms"), Ok(-1_000_000));
        assert_eq!(duration("0"), Ok(0));
        assert_eq!(
            duration("1"),
            Err("time: missing unit in duration \"1\"".to_owned())
        );
        assert_eq!(
            duration("1d"),
            Err("time: unknown unit \"d\" in duration \"1d\"".to_owned())
        );
    }
}
