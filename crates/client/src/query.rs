//! Paths and query strings of requests.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use crate::Error;

/// `filters` of list calls: values by key; several values of one key are alternatives.
pub type Filters = BTreeMap<String, Vec<String>>;

/// A path with the query behind it, escaped.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    text: String,
    has_query: bool,
    /// What kind of object would have to have a name.
    nameless: Option<String>,
}

impl Target {
    /// A fixed path, such as `/containers/json`.
    pub(crate) fn new(path: &str) -> Self {
        Self {
            text: path.to_owned(),
            has_query: false,
            nameless: None,
        }
    }

    /// `/<kind>/<name><rest>`, where `name` is what a user wrote. Slashes in it are kept: image names have them.
    pub(crate) fn of(kind: &str, name: &str, rest: &str) -> Self {
        let mut text = format!("/{kind}/");
        escape(&mut text, name, b"-._~/:@");
        text.push_str(rest);
        let nameless = name
            .trim()
            .is_empty()
            .then(|| kind.trim_end_matches('s').to_owned());
        Self {
            text,
            has_query: false,
            // Names of images are the engine's to read.
            nameless: nameless.filter(|kind| kind != "image"),
        }
    }

    /// Adds `key=value`.
    pub(crate) fn with(mut self, key: &str, value: impl Display) -> Self {
        self.text.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        self.text.push_str(key);
        self.text.push('=');
        escape(&mut self.text, &value.to_string(), b"-._~");
        self
    }

    /// Adds `key=value` when there is a value.
    pub(crate) fn with_some(self, key: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Adds `key=1` when `on`.
    pub(crate) fn with_flag(self, key: &str, on: bool) -> Self {
        if on { self.with(key, 1) } else { self }
    }

    /// Adds `filters` as JSON, `{"key":{"value":true}}`, when there are any.
    pub(crate) fn with_filters(self, filters: &Filters) -> Self {
        if filters.is_empty() {
            return self;
        }
        let sets: BTreeMap<&str, BTreeMap<&str, bool>> = filters
            .iter()
            .map(|(key, values)| {
                (
                    key.as_str(),
                    values.iter().map(|value| (value.as_str(), true)).collect(),
                )
            })
            .collect();
        let json = serde_json::json!(sets);
        self.with("filters", json)
    }

    /// Makes sure that the name in it is one.
    ///
    /// # Errors
    /// When it is empty: the path would be another one.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.nameless {
            None => Ok(()),
            Some(kind) => Err(Error::NoName(kind.clone())),
        }
    }

    /// The text behind the version.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

/// Adds `text` with every byte but letters, digits and those `kept` as `%xx`.
pub(crate) fn escape(out: &mut String, text: &str, kept: &[u8]) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_names_and_values() {
        let target = Target::of("containers", "a b?c", "/json")
            .with("signal", "SIG TERM&x=1")
            .with_flag("size", true)
            .with_flag("no", false)
            .with_some("t", None::<i64>);
        assert_eq!(
            target.as_str(),
            "/containers/a%20b%3Fc/json?signal=SIG%20TERM%26x%3D1&size=1"
        );
        assert_eq!(
            Target::of("images", "host:5000/a/b@sha256:0", "/json").as_str(),
            "/images/host:5000/a/b@sha256:0/json"
        );
    }

    #[test]
    fn writes_filters_as_sets() {
        let filters = Filters::from([("status".to_owned(), vec!["running".to_owned()])]);
        assert_eq!(
            Target::new("/containers/json").with_filters(&filters).as_str(),
            "/containers/json?filters=%7B%22status%22%3A%7B%22running%22%3Atrue%7D%7D"
        );
        assert_eq!(Target::new("/x").with_filters(&Filters::new()).as_str(), "/x");
    }
}
