//! Query parameters, read by Docker's rules for truth and emptiness.

use axum::extract::{FromRequestParts, Query};
use corten_wire::{ApiVersion, Filters};
use http::request::Parts;

use super::timestamp::unix_nanos;
use crate::connection::ClientVersion;
use crate::{ApiError, ApiResult};

/// The query of a request, and the API version it is to be understood in.
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    version: ApiVersion,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let version = parts
            .extensions
            .get()
            .map_or(ApiVersion::MAX, |ClientVersion(version)| *version);
        if parts.uri.query().is_none() {
            return Ok(Self {
                pairs: Vec::new(),
                version,
            });
        }
        let Query(pairs) = Query::from_request_parts(parts, state)
            .await
            .map_err(|cause| ApiError::invalid(cause.to_string()))?;
        Ok(Self { pairs, version })
    }
}

impl Params {
    /// The version the client speaks.
    pub(crate) fn version(&self) -> ApiVersion {
        self.version
    }

    /// The value of `name`, the first if there are several; `None` when absent or empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.given(name).filter(|text| !text.is_empty())
    }

    /// All values of `name`.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All values of `name`, in order, but empty ones.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let values = self
            .pairs
            .iter()
            .filter(|(key, value)| key == name && !value.is_empty());
        values.map(|(_, value)| value.clone()).collect()
    }

    /// As [`Self::text`], owned.
    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// Whether `name` says yes: everything but nothing, `0`, `no`, `false` and `none` does.
    pub(crate) fn flag(&self, name: &str) -> bool {
        let text = self.given(name).unwrap_or_default().trim();
        !["", "0", "no", "false", "none"]
            .iter()
            .any(|no| text.eq_ignore_ascii_case(no))
    }

    /// As [`Self::flag`], with what an absent (or empty) parameter means.
    pub(crate) fn flag_or(&self, name: &str, default: bool) -> bool {
        if self.text(name).is_none() {
            default
        } else {
            self.flag(name)
        }
    }

    /// The whole number in `name`.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> ApiResult<Option<T>> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let number = text.parse().map_err(|_| not_a_number(text))?;
        Ok(Some(number))
    }

    /// The time in `name`, as Unix nanoseconds.
    ///
    /// # Errors
    /// When it is neither seconds nor seconds with decimals.
    pub(crate) fn time(&self, name: &str) -> ApiResult<Option<i64>> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        unix_nanos(text).map(Some).ok_or_else(|| not_a_number(text))
    }

    /// The filters.
    ///
    /// # Errors
    /// When they are malformed.
    pub(crate) fn filters(&self) -> ApiResult<Filters> {
        Filters::from_json(self.given("filters").unwrap_or_default())
            .map_err(|cause| ApiError::invalid(cause.to_string()))
    }

    fn given(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Go's words for a text that should be a number.
fn not_a_number(text: &str) -> ApiError {
    ApiError::invalid(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        let pairs = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Params {
            pairs,
            version: ApiVersion::MAX,
        }
    }

    #[test]
    fn truth_is_dockers() {
        let params = params(&[
            ("a", "1"),
            ("b", "False"),
            ("c", ""),
            ("d", "whatever"),
            ("e", " none "),
        ]);
        assert!(params.flag("a") && params.flag("d"));
        assert!(!params.flag("b") && !params.flag("c") && !params.flag("e") && !params.flag("absent"));
        assert!(params.flag_or("absent", true) && params.flag_or("c", true) && !params.flag_or("b", true));
    }

    #[test]
    fn numbers_are_checked() {
        let params = params(&[("t", "-1"), ("bad", "x")]);
        assert_eq!(params.number::<i64>("t").unwrap(), Some(-1));
        assert_eq!(params.number::<i64>("absent").unwrap(), None);
        assert_eq!(
            params.number::<i64>("bad").unwrap_err().to_string(),
            "strconv.ParseInt: parsing \"x\": invalid syntax"
        );
    }
}
