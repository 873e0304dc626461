//! Filters: the `filters` parameter of lists, events and prunes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::go_json;

/// Values wanted, by what they are values of: `label` → {`a=b`}, `status` → {`exited`, `created`}.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters(BTreeMap<String, BTreeSet<String>>);

/// A filter nobody knows, or a value it cannot have, in Docker's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidFilter {
    /// The filter; empty when the parameter is no set of filters at all.
    pub filter: String,
    /// Its values, when these are wrong.
    pub values: Vec<String>,
}

impl Filters {
    /// Reads the parameter: `{"label":{"a=b":true}}`, or `{"label":["a=b"]}` as old clients send it. Empty text is no
    /// filter.
    ///
    /// # Errors
    /// When it is neither.
    pub fn from_json(text: &str) -> Result<Self, InvalidFilter> {
        let malformed = || InvalidFilter {
            filter: String::new(),
            values: Vec::new(),
        };
        if text.is_empty() {
            return Ok(Self::default());
        }
        let object = match go_json::parse(text.as_bytes()) {
            Ok(Value::Object(object)) => object,
            Ok(Value::Null) => return Ok(Self::default()),
            _ => return Err(malformed()),
        };
        let mut filters = Self::default();
        for (filter, values) in object {
            let values = match values {
                Value::Null => BTreeSet::new(),
                // Like Docker, a value counts whatever it is mapped to.
                Value::Object(set) if set.values().all(Value::is_boolean) => {
                    set.into_iter().map(|(value, _)| value).collect()
                }
                Value::Array(list) => list
                    .into_iter()
                    .map(|value| value.as_str().map(str::to_owned))
                    .collect::<Option<_>>()
                    .ok_or_else(malformed)?,
                _ => return Err(malformed()),
            };
            filters.0.insert(filter, values);
        }
        Ok(filters)
    }

    /// The parameter's text, in today's form.
    pub fn to_json(&self) -> String {
        let set = |values: &BTreeSet<String>| -> Value {
            values
                .iter()
                .map(|value| (value.clone(), Value::Bool(true)))
                .collect()
        };
        let object: Value = self
            .0
            .iter()
            .map(|(filter, values)| (filter.clone(), set(values)))
            .collect();
        object.to_string()
    }

    /// Adds a value.
    pub fn insert(&mut self, filter: impl Into<String>, value: impl Into<String>) {
        self.0.entry(filter.into()).or_default().insert(value.into());
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values of `filter`; none when it is not given.
    pub fn values<'a>(&'a self, filter: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.get(filter).into_iter().flatten().map(String::as_str)
    }

    /// Whether `filter` is not given or one of its values is `wanted`.
    pub fn allow(&self, filter: &str, wanted: impl FnMut(&str) -> bool) -> bool {
        self.0
            .get(filter)
            .is_none_or(|values| values.is_empty() || values.iter().map(String::as_str).any(wanted))
    }

    /// Whether every value of `filter`, each `key` or `key=value`, is among `pairs` (labels, options).
    pub fn all_in(&self, filter: &str, pairs: &BTreeMap<String, String>) -> bool {
        self.values(filter).all(|wanted| match wanted.split_once('=') {
            Some((key, value)) => pairs.get(key).is_some_and(|found| found == value),
            None => pairs.contains_key(wanted),
        })
    }

    /// The value of a yes-or-no filter such as `dangling`; `None` when it is not given.
    ///
    /// # Errors
    /// When it has more than one value, or one that is neither yes nor no.
    pub fn flag(&self, filter: &str) -> Result<Option<bool>, InvalidFilter> {
        let Some(values) = self.0.get(filter) else {
            return Ok(None);
        };
        let mut values_left = values.iter().map(String::as_str);
        match (values_left.next(), values_left.next()) {
            (Some("1" | "true"), None) => Ok(Some(true)),
            (Some("0" | "false"), None) => Ok(Some(false)),
            _ => Err(InvalidFilter {
                filter: filter.to_owned(),
                values: values.iter().cloned().collect(),
            }),
        }
    }

    /// Makes sure that there are only `known` filters.
    ///
    /// # Errors
    /// Names the first stranger.
    pub fn check(&self, known: &[&str]) -> Result<(), InvalidFilter> {
        match self.0.keys().find(|filter| !known.contains(&filter.as_str())) {
            Some(filter) => Err(InvalidFilter {
                filter: filter.clone(),
                values: Vec::new(),
            }),
            None => Ok(()),
        }
    }
}

impl fmt::Display for InvalidFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid filter")?;
        match (self.filter.as_str(), self.values.as_slice()) {
            ("", _) => Ok(()),
            (filter, []) => write!(f, " '{filter}'"),
            (filter, values) => write!(f, " '{filter}=[{}]'", values.join(" ")),
        }
    }
}

impl std::error::Error for InvalidFilter {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms_and_writes_the_new_one() {
        let new = Filters::from_json(r#"{"label":{"a=b":true,"c":true},"status":{"exited":true}}"#).unwrap();
        let old = Filters::from_json(r#"{"label":["a=b","c"],"status":["exited"]}"#).unwrap();
        assert_eq!(new, old);
        assert_eq!(
            new.to_json(),
            r#"{"label":{"a=b":true,"c":true},"status":{"exited":true}}"#
        );
        assert!(Filters::from_json("").unwrap().is_empty() && Filters::from_json("{}").unwrap().is_empty());
        for bad in ["[]", "{", r#"{"a":1}"#, r#"{"a":[1]}"#, r#"{"a":{"b":1}}"#] {
            assert_eq!(
                Filters::from_json(bad).unwrap_err().to_string(),
                "invalid filter",
                "{bad}"
            );
        }
    }

    #[test]
    fn decides() {
        let filters = Filters::from_json(
            r#"{"label":["a=b","c"],"status":["exited"],"dangling":["true"],"x":["1","2"]}"#,
        )
        .unwrap();
        let labels = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        assert!(filters.all_in("label", &labels(&[("a", "b"), ("c", "anything")])));
        assert!(!filters.all_in("label", &labels(&[("a", "x"), ("c", "")])));
        assert!(filters.allow("status", |status| status == "exited") && filters.allow("absent", |_| false));
        assert!(!filters.allow("status", |status| status == "running"));
        assert_eq!(filters.flag("dangling"), Ok(Some(true)));
        assert_eq!(filters.flag("absent"), Ok(None));
        assert_eq!(
            filters.flag("x").unwrap_err().to_string(),
            "invalid filter 'x=[1 2]'"
        );
        assert_eq!(
            filters
                .check(&["label", "status", "dangling"])
                .unwrap_err()
                .to_string(),
            "invalid filter 'x'"
        );
    }
}
