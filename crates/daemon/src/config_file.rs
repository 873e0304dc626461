//! `daemon.json`: found, parsed, its keys and types checked.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use corten_wire::go_json;
use serde_json::{Map, Value, json};

use crate::directives::{Directive, Kind, OTHER_KEYS, by_key};
use crate::json_place::Place;

/// Where the file is looked for when no flag names one.
const PLACES: [&str; 2] = ["/etc/corten/daemon.json", "/etc/docker/daemon.json"];

/// What a file sets, by name of the setting.
pub(crate) type FileValues = BTreeMap<&'static str, Value>;

/// The file a flag names, or the first of the usual places that has one.
pub(crate) fn find(named: Option<&Path>) -> Option<PathBuf> {
    match named {
        Some(path) => Some(path.to_owned()),
        None => PLACES
            .iter()
            .map(PathBuf::from)
            .find(|path| path.symlink_metadata().is_ok()),
    }
}

/// Reads a file. `merge` is what is done with it; its complaints are about the file, too.
///
/// # Errors
/// In Docker's words: the file cannot be read, is no JSON, has unknown keys or values of the wrong type.
pub(crate) fn read<T>(path: &Path, merge: impl FnOnce(FileValues) -> Result<T, String>) -> Result<T, String> {
    fs::read(path)
        .map_err(|error| cannot_open(path, &error))
        .and_then(|text| parse(&text))
        .and_then(merge)
        .map_err(|why| {
            format!(
                "unable to configure the Docker daemon with file {}: {why}",
                path.display()
            )
        })
}

fn cannot_open(path: &Path, error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    };
    format!("open {}: {why}", path.display())
}

fn parse(text: &[u8]) -> Result<FileValues, String> {
    // Editors of other systems put a mark in front.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Ok(FileValues::new());
    }
    let written: Map<String, Value> = go_json::from_slice(text).map_err(|error| {
        let said = error.to_string();
        // Where Go's words for it are not known, the parser's own come with a place.
        let said = said.split(" at line ").next().unwrap_or_default();
        match Place::of_mistake(text) {
            Some(place) => format!("{said} ({place})"),
            None => said.to_owned(),
        }
    })?;
    let mut values = FileValues::new();
    let mut unknown = Vec::new();
    for (group, key, value) in flattened(written) {
        let name = OTHER_KEYS
            .iter()
            .find(|(other, _)| *other == key)
            .map_or(key.as_str(), |(_, name)| name);
        let Some(directive) = by_key(name) else {
            unknown.push(name.to_owned());
            continue;
        };
        let path = group.into_iter().chain([key]).collect();
        // As in Go, null is the same as nothing.
        if !value.is_null() {
            let value = checked(directive, value).map_err(|wrong| wrong.told(text, path, directive))?;
            values.insert(directive.key, value);
        }
    }
    if unknown.is_empty() {
        Ok(values)
    } else {
        Err(format!(
            "the following directives don't match any configuration option: {}",
            unknown.join(", ")
        ))
    }
}

/// Groups that are no setting of their own (`proxies`) taken apart: group, key and value.
fn flattened(written: Map<String, Value>) -> Vec<(Option<String>, String, Value)> {
    let mut flat = Vec::new();
    for (key, value) in written {
        match value {
            Value::Object(group) if by_key(&key).is_none() && !group.is_empty() => {
                flat.extend(
                    group
                        .into_iter()
                        .map(|(name, value)| (Some(key.clone()), name, value)),
                );
            }
            value => flat.push((None, key, value)),
        }
    }
    flat
}

/// A value that is none for its setting.
struct Wrong {
    /// Where it is within the setting's value; empty for the whole.
    inner: Option<String>,
    /// What it is, in Go's words.
    found: String,
    /// Go's name of the type it should have.
    expected: &'static str,
}

impl Wrong {
    /// Docker's sentence, which speaks of Go's types, and for the one who wrote the file: where it is and what is meant.
    fn told(self, text: &[u8], path: Vec<String>, directive: &Directive) -> String {
        let key = directive.key;
        let path: Vec<String> = path.into_iter().chain(self.inner).collect();
        let place = Place::of_value(text, &path).map_or_else(String::new, |place| format!("{place}: "));
        format!(
            "json: cannot unmarshal {} into Go struct field Config.{key} of type {} ({place}{} must be {})",
            self.found,
            self.expected,
            path.join("."),
            in_words(self.expected)
        )
    }
}

/// What a Go type is in JSON.
fn in_words(go_type: &str) -> &'static str {
    match go_type {
        "string" => "a text in quotation marks",
        "bool" => "true or false, without quotation marks",
        "int" => "a whole number, without quotation marks",
        "opts.MemBytes" => "a size such as \"64m\", or a number of bytes",
        "[]string" => "a list of texts: [\"…\", \"…\"]",
        "map[string]string" => "an object of texts: {\"…\": \"…\"}",
        "map[string]bool" => "an object of true or false: {\"…\": true}",
        "[]*ipamutils.NetworkToSplit" => "a list of objects: [{…}]",
        _ => "an object: {…}",
    }
}

/// The value in the form the setting has.
fn checked(directive: &Directive, value: Value) -> Result<Value, Wrong> {
    let wrong = |value: &Value, expected: &'static str| {
        Err(Wrong {
            inner: None,
            found: go_kind(value),
            expected,
        })
    };
    match (directive.kind, &value) {
        (Kind::Text, Value::String(_))
        | (Kind::Switch, Value::Bool(_))
        | (Kind::Bytes, Value::String(_))
        | (Kind::Object, Value::Object(_))
        | (Kind::Runtimes, Value::Object(_)) => Ok(value),
        (Kind::Number, Value::Number(number)) if number.is_i64() => Ok(value),
        (Kind::Bytes, Value::Number(number)) if number.is_u64() => Ok(json!(number.to_string())),
        (Kind::List, Value::Array(list)) => match list.iter().find(|entry| !entry.is_string()) {
            Some(entry) => wrong(entry, "string"),
            None => Ok(value),
        },
        // Docker once took one address here, and files still have it.
        (Kind::List, Value::String(text)) if directive.key == "host-gateway-ips" => Ok(json!([text])),
        (Kind::Map, Value::Object(map)) => entries(map, Value::is_string, "string").map(|()| value),
        (Kind::Switches, Value::Object(map)) => entries(map, Value::is_boolean, "bool").map(|()| value),
        (Kind::NetworkOptions, Value::Object(drivers)) => {
            entries(drivers, Value::is_object, "map[string]string")?;
            let maps = drivers.values().filter_map(Value::as_object);
            for map in maps {
                entries(map, Value::is_string, "string")?;
            }
            Ok(value)
        }
        (Kind::Ulimits, Value::Object(_)) | (Kind::Pools, Value::Array(_)) => Ok(value),
        (kind, value) => wrong(
            value,
            match kind {
                Kind::Text => "string",
                Kind::Switch => "bool",
                Kind::Number => "int",
                Kind::Bytes => "opts.MemBytes",
                Kind::List => "[]string",
                Kind::Map => "map[string]string",
                Kind::Switches => "map[string]bool",
                Kind::NetworkOptions => "map[string]map[string]string",
                Kind::Ulimits => "map[string]*container.Ulimit",
                Kind::Pools => "[]*ipamutils.NetworkToSplit",
                Kind::Runtimes => "map[string]system.Runtime",
                Kind::Object => "map[string]interface {}",
            },
        ),
    }
}

/// All values of a map are of one type.
fn entries(map: &Map<String, Value>, fits: fn(&Value) -> bool, expected: &'static str) -> Result<(), Wrong> {
    match map.iter().find(|(_, value)| !fits(value)) {
        None => Ok(()),
        Some((name, value)) => Err(Wrong {
            inner: Some(name.clone()),
            found: go_kind(value),
            expected,
        }),
    }
}

fn go_kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(number) if number.is_f64() => format!("number {number}"),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(_) => "array".to_owned(),
        Value::Object(_) => "object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn known_keys_are_read_and_unknown_ones_named() {
        let values = parse(
            br#"{"bridge":"b0","log-opts":{"max-size":"1m"},"proxies":{"http-proxy":"http://p"},"debug":null,
                 "default-shm-size":1024,"host-gateway-ip":"10.0.0.1"}"#,
        )
        .unwrap();
        assert_eq!(values["bridge"], "b0");
        assert_eq!(values["http-proxy"], "http://p");
        assert_eq!(values["default-shm-size"], "1024");
        assert_eq!(values["host-gateway-ips"], json!(["10.0.0.1"]));
        assert!(!values.contains_key("debug"));
        assert_eq!(
            complaint(r#"{"frob":1,"zz":{}}"#),
            "the following directives don't match any configuration option: frob, zz"
        );
        assert!(parse(b"{").is_err());
        assert!(parse(b"\xef\xbb\xbf {}").unwrap().is_empty());
        assert!(parse(b"").unwrap().is_empty());
    }

    #[test]
    fn wrong_types_are_told_in_gos_words_and_with_their_place() {
        assert_eq!(
            complaint("{\n  \"labels\": [],\n  \"debug\": \"yes\"\n}"),
            "json: cannot unmarshal string into Go struct field Config.debug of type bool (line 3, column 12: debug must be \
             true or false, without quotation marks)"
        );
        assert_eq!(
            complaint(r#"{"dns":[1]}"#),
            "json: cannot unmarshal number into Go struct field Config.dns of type string (line 1, column 8: dns must be a \
             text in quotation marks)"
        );
        assert_eq!(
            complaint(r#"{"mtu":1.5}"#),
            "json: cannot unmarshal number 1.5 into Go struct field Config.mtu of type int (line 1, column 8: mtu must be a \
             whole number, without quotation marks)"
        );
        assert_eq!(
            complaint("{\"log-opts\":\n{\"a\":1}}"),
            "json: cannot unmarshal number into Go struct field Config.log-opts of type string (line 2, column 6: log-opts.a \
             must be a text in quotation marks)"
        );
        assert!(
            complaint("{\"proxies\":{\n\"http-proxy\":1}}")
                .contains("(line 2, column 14: proxies.http-proxy must be")
        );
    }

    #[test]
    fn mistakes_of_syntax_are_told_with_their_place() {
        assert_eq!(
            complaint("{\"debug\": true,\n  \"bip\": }"),
            "invalid character '}' looking for beginning of value (line 2, column 10)"
        );
        assert_eq!(
            complaint("{\n \"debug\": tru }"),
            "expected ident (line 2, column 14)"
        );
        assert_eq!(
            complaint("{\"debug\": true\n"),
            "unexpected EOF (line 2, column 0)"
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        assert_eq!(
            read(Path::new("/nonexistent/x.json"), Ok).unwrap_err(),
            "unable to configure the Docker daemon with file /nonexistent/x.json: open /nonexistent/x.json: no such file or \
             directory"
        );
    }
}
