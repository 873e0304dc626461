//! Times of log entries, read and written without detours: a large log has millions of them.

use jiff::Timestamp;

const NANOSECONDS: i64 = 1_000_000_000;

/// Nanoseconds since the Unix epoch of an RFC 3339 time.
pub(super) fn parse(text: &[u8]) -> Option<i64> {
    utc(text).or_else(|| {
        let time: Timestamp = std::str::from_utf8(text).ok()?.parse().ok()?;
        i64::try_from(time.as_nanosecond()).ok()
    })
}

/// `2026-01-02T03:04:05.123456789Z`, with nine digits of the second or fewer.
fn utc(text: &[u8]) -> Option<i64> {
    let body = text.strip_suffix(b"Z")?;
    let (date, fraction) = body.split_at_checked(19)?;
    let number = |from: usize, to: usize| digits(&date[from..to]);
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, byte)| date[*at] != *byte) {
        return None;
    }
    let (month, day) = (number(5, 7)?, number(8, 10)?);
    let days = days_from_civil(number(0, 4)?, month, day);
    let seconds = days * 86_400 + number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    let nanoseconds = match fraction {
        [] => 0,
        [b'.', fraction @ ..] if (1..=9).contains(&fraction.len()) => {
            (fraction.len()..9).try_fold(digits(fraction)?, |number, _| number.checked_mul(10))?
        }
        _ => return None,
    };
    ((1..=12).contains(&month) && (1..=31).contains(&day))
        .then(|| seconds.checked_mul(NANOSECONDS)?.checked_add(nanoseconds))?
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0_i64, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + i64::from(byte - b'0'))
    })
}

/// Days since 1970-01-01. Years are taken to begin in March, so that the leap day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Appends a time with nine digits of the second, as Docker shows it.
pub(super) fn append(line: &mut Vec<u8>, at_ns: i64) {
    let text = match Timestamp::from_nanosecond(i128::from(at_ns)) {
        Ok(time) => format!("{time:.9}"),
        // Beyond the years there are.
        Err(_) => at_ns.to_string(),
    };
    line.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_library_reads_them() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2000-02-29T23:59:59.12Z",
            "2024-12-31T23:59:59.999999999Z",
            "2025-03-01T00:00:00.000000001Z",
            "1969-12-31T23:59:59.5Z",
        ] {
            let expected: Timestamp = text.parse().unwrap();
            assert_eq!(
                utc(text.as_bytes()).map(i128::from),
                Some(expected.as_nanosecond()),
                "{text}"
            );
        }
        assert_eq!(
            parse(b"2026-01-02T04:04:05+01:00"),
            parse(b"2026-01-02T03:04:05Z")
        );
        for bad in [
            "",
            "x",
            "2026-13-02T03:04:05Z",
            "2026-01-02 03:04:05",
            "2026-01-02T03:04:05.Z",
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
