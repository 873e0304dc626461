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
    let (seconds, nanoseconds) = (at_ns.div_euclid(NANOSECONDS), at_ns.rem_euclid(NANOSECONDS));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    for (number, width, end) in [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (second / 3600, 2, b':'),
        (second / 60 % 60, 2, b':'),
        (second % 60, 2, b'.'),
        (nanoseconds, 9, b'Z'),
    ] {
        let start = line.len();
        line.resize(start + width, b'0');
        let mut rest = number;
        for digit in line[start..].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        line.push(end);
    }
}

/// Year, month and day of a day counted from 1970-01-01.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
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
            let at_ns = utc(text.as_bytes()).unwrap();
            assert_eq!(i128::from(at_ns), expected.as_nanosecond(), "{text}");
            let mut shown = Vec::new();
            append(&mut shown, at_ns);
            assert_eq!(String::from_utf8(shown).unwrap(), format!("{expected:.9}"));
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
