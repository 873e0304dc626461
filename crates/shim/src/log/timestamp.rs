//! Times as Docker's log prints them.

use rustix::time::{ClockId, clock_gettime};

const NANOSECONDS: i64 = 1_000_000_000;
const SECONDS_OF_DAY: i64 = 86_400;

/// Nanoseconds since the Unix epoch, now.
pub fn now_ns() -> i64 {
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec * NANOSECONDS + now.tv_nsec
}

/// Appends a time in UTC as RFC 3339 with as many digits of the second as it takes (Go's `RFC3339Nano`).
pub fn append(to: &mut Vec<u8>, at_ns: i64) {
    let (seconds, fraction) = (at_ns.div_euclid(NANOSECONDS), at_ns.rem_euclid(NANOSECONDS));
    let (days, second) = (
        seconds.div_euclid(SECONDS_OF_DAY),
        seconds.rem_euclid(SECONDS_OF_DAY),
    );
    let (year, month, day) = civil(days);
    digits(to, year, 4);
    to.push(b'-');
    digits(to, month, 2);
    to.push(b'-');
    digits(to, day, 2);
    to.push(b'T');
    digits(to, second / 3600, 2);
    to.push(b':');
    digits(to, second / 60 % 60, 2);
    to.push(b':');
    digits(to, second % 60, 2);
    if fraction != 0 {
        to.push(b'.');
        digits(to, fraction, 9);
        while to.last() == Some(&b'0') {
            to.pop();
        }
    }
    to.push(b'Z');
}

fn digits(to: &mut Vec<u8>, number: i64, width: usize) {
    let start = to.len();
    to.resize(start + width, b'0');
    let mut rest = number;
    for digit in to[start..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

/// Year, month and day of a day counted from 1970-01-01. Years are taken to begin in March, so that the leap day comes
/// last and months have a regular length before it.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_OF_ERA: i64 = 146_097;
    let days = days + 719_468;
    let era = days.div_euclid(DAYS_OF_ERA);
    let day_of_era = days.rem_euclid(DAYS_OF_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(at_ns: i64) -> String {
        let mut text = Vec::new();
        append(&mut text, at_ns);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn as_go_prints_them() {
        assert_eq!(show(0), "1970-01-01T00:00:00Z");
        assert_eq!(
            show(951_782_400 * NANOSECONDS + 120_000_000),
            "2000-02-29T00:00:00.12Z"
        );
        assert_eq!(
            show(1_735_689_599 * NANOSECONDS + 999_999_999),
            "2024-12-31T23:59:59.999999999Z"
        );
        assert_eq!(
            show(1_740_787_200 * NANOSECONDS + 1),
            "2025-03-01T00:00:00.000000001Z"
        );
    }
}
