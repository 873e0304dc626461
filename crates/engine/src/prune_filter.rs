//! The filters that all prunes have in common: labels that must or must not be there, and an age.

use std::collections::BTreeMap;

use corten_types::parse_duration;
use corten_wire::{Filters, InvalidFilter};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::clock::now_ns;
use crate::error::{Error, Result};

/// What a prune leaves alone.
pub(crate) struct PruneFilter {
    filters: Filters,
    /// Only what was made before, nanoseconds since the Unix epoch.
    until_ns: Option<i64>,
}

impl PruneFilter {
    /// Reads filters, of which there may be `known` and no others.
    pub(crate) fn read(filters: Filters, known: &[&str]) -> Result<Self> {
        filters.check(known).map_err(invalid)?;
        let mut values = filters.values("until");
        let until_ns = values
            .next()
            .map(|text| moment(text, now_ns()))
            .transpose()
            .map_err(Error::Invalid)?;
        if values.next().is_some() {
            return Err(Error::Invalid("more than one until filter specified".to_owned()));
        }
        drop(values);
        Ok(Self { filters, until_ns })
    }

    /// The value of a yes-or-no filter.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>> {
        self.filters.flag(name).map_err(invalid)
    }

    /// Whether something with these labels, made then, may go.
    pub(crate) fn passes(&self, labels: &BTreeMap<String, String>, created_ns: i64) -> bool {
        let spared = self.filters.values("label!").next().is_some() && self.filters.all_in("label!", labels);
        self.filters.all_in("label", labels)
            && !spared
            && self.until_ns.is_none_or(|until| created_ns <= until)
    }
}

fn invalid(error: InvalidFilter) -> Error {
    Error::Invalid(error.to_string())
}

/// A moment as Docker's filters give it: a span of time before `now_ns`, a date, or Unix seconds.
fn moment(text: &str, now_ns: i64) -> std::result::Result<i64, String> {
    let nanos = |moment: Timestamp| i64::try_from(moment.as_nanosecond()).unwrap_or(i64::MAX);
    if let Ok(span) = parse_duration(text) {
        return Ok(now_ns.saturating_sub(span));
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(nanos(moment));
    }
    if let Ok(date) = text.parse::<DateTime>()
        && let Ok(local) = date.to_zoned(TimeZone::system())
    {
        return Ok(nanos(local.timestamp()));
    }
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let refuse = || format!("failed to parse value as time or duration: {text:?}");
    let digits = fraction.len() <= 9 && fraction.bytes().all(|b| b.is_ascii_digit());
    let seconds: i64 = seconds.parse().ok().filter(|_| digits).ok_or_else(refuse)?;
    let fraction: i64 = format!("{fraction:0<9}").parse().map_err(|_| refuse())?;
    Ok(seconds.saturating_mul(1_000_000_000).saturating_add(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_age_decide() {
        let text = r#"{"label":["a=b"],"label!":["keep"],"until":["100"]}"#;
        let filter =
            PruneFilter::read(Filters::from_json(text).unwrap(), &["label", "label!", "until"]).unwrap();
        let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        assert!(filter.passes(&labels(&[("a", "b")]), 99_000_000_000));
        assert!(!filter.passes(&labels(&[("a", "b")]), 101_000_000_000));
        assert!(!filter.passes(&labels(&[("a", "b"), ("keep", "")]), 0));
        assert!(!filter.passes(&labels(&[]), 0));
        let said = |text| {
            let filters = Filters::from_json(text).unwrap();
            PruneFilter::read(filters, &["until"])
                .err()
                .map(|error| error.to_string())
        };
        assert_eq!(said(r#"{"x":["1"]}"#).unwrap(), "invalid filter 'x'");
        assert_eq!(
            said(r#"{"until":["1h","2h"]}"#).unwrap(),
            "more than one until filter specified"
        );
        assert!(said(r#"{"until":["soon"]}"#).is_some());
    }

    #[test]
    fn moments() {
        let now = 10_000 * 1_000_000_000;
        assert_eq!(moment("1h", now), Ok(6_400_000_000_000));
        assert_eq!(moment("1970-01-01T00:00:02Z", now), Ok(2_000_000_000));
        assert_eq!(moment("3.5", now), Ok(3_500_000_000));
        assert!(moment("1.x", now).is_err() && moment("", now).is_err());
    }
}
