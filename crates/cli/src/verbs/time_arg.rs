//! `--since` and `--until`: a moment, or a span of time before now, as the Unix time the API takes.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::flags::duration;

/// Unix seconds with nine digits of fraction, or the text itself when it already is a Unix time.
pub(super) fn unix(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    // A lone zero is the beginning of time, not now.
    if let Ok(span) = duration(text)
        && text != "0"
    {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.as_nanos());
        let then = i128::try_from(now).unwrap_or(i128::MAX) - i128::from(span);
        return Ok(show(then));
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(show(moment.as_nanosecond()));
    }
    // Without a zone a date is of this machine's zone; it may lack its tail.
    let civil = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        13 => format!("{text}:00"),
        _ => text.to_owned(),
    };
    if let Ok(date) = civil.parse::<DateTime>() {
        let moment = date
            .to_zoned(TimeZone::system())
            .map_err(|error| error.to_string())?
            .timestamp();
        return Ok(show(moment.as_nanosecond()));
    }
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if digits(seconds.strip_prefix('-').unwrap_or(seconds)) && digits(fraction) {
        return Ok(text.to_owned());
    }
    Err(format!("failed to parse value as time or duration: {text:?}"))
}

/// The local time of a moment as Go prints it, `2024-05-06 07:08:09 +0200 CEST`.
pub(super) fn local(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(moment) => moment
            .to_zoned(TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S %z %Z")
            .to_string(),
        Err(_) => seconds.to_string(),
    }
}

/// The local time of a moment, `2024-05-06T07:08:09+02:00`, or `…Z` in UTC.
pub(super) fn rfc3339(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(moment) => {
            let moment = moment.to_zoned(TimeZone::system());
            let zone = if moment.offset().is_zero() { "Z" } else { "%:z" };
            moment.strftime(&format!("%Y-%m-%dT%H:%M:%S{zone}")).to_string()
        }
        Err(_) => seconds.to_string(),
    }
}

/// The local time of a moment with nanoseconds, `2024-05-06T07:08:09.000000001+02:00`, or `…Z` in UTC.
pub(super) fn local_nanos(nanos: i64) -> String {
    let moment = (Timestamp::UNIX_EPOCH + SignedDuration::from_nanos(nanos)).to_zoned(TimeZone::system());
    let format = if moment.offset().is_zero() {
        "%Y-%m-%dT%H:%M:%S.%9fZ"
    } else {
        "%Y-%m-%dT%H:%M:%S.%9f%:z"
    };
    moment.strftime(format).to_string()
}

/// An RFC 3339 time as Go prints it; text that is none stays as it is.
pub(super) fn go_time(text: &str) -> String {
    reformat(text, "%Y-%m-%d %H:%M:%S%.f +0000 UTC")
}

/// An RFC 3339 time as C's `asctime` prints it; text that is none stays as it is.
pub(super) fn ansi_c(text: &str) -> String {
    reformat(text, "%a %b %e %H:%M:%S %Y")
}

fn reformat(text: &str, format: &str) -> String {
    match text.parse::<Timestamp>() {
        Ok(moment) => moment.to_zoned(TimeZone::UTC).strftime(format).to_string(),
        Err(_) => text.to_owned(),
    }
}

fn show(nanos: i128) -> String {
    format!(
        "{}.{:09}",
        nanos.div_euclid(1_000_000_000),
        nanos.rem_euclid(1_000_000_000)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_docker_does() {
        assert_eq!(
            go_time("2024-01-02T03:04:05.123Z"),
            "2024-01-02 03:04:05.123 +0000 UTC"
        );
        assert_eq!(go_time("2024-01-02T03:04:05Z"), "2024-01-02 03:04:05 +0000 UTC");
        assert_eq!(ansi_c("2024-01-02T03:04:05+00:00"), "Tue Jan  2 03:04:05 2024");
        assert_eq!(ansi_c("yesterday"), "yesterday");
    }

    #[test]
    fn all_forms() {
        assert_eq!(unix("2013-01-02T13:23:37Z").unwrap(), "1357133017.000000000");
        assert_eq!(unix("1357133017").unwrap(), "1357133017");
        assert_eq!(unix("0").unwrap(), "0");
        assert_eq!(unix("1357133017.5").unwrap(), "1357133017.5");
        assert!(unix("42m").unwrap().contains('.'));
        assert!(unix("2013-01-02T13:23:37").is_ok() && unix("2013-01-02").is_ok());
        assert!(unix("foo").is_err());
    }
}
