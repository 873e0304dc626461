//! `daemon.json`: found, parsed, its keys and types checked.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use corten_wire::go_json;
use serde_json::{Map, Value, json};

use crate::directives::{Directive, Kind, OTHER_KEYS, by_key};

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
    let written: Map<String, Value> = go_json::from_slice(text).map_err(|error| error.to_string())?;
    let mut values = FileValues::new();
    let mut unknown = Vec::new();
    for (key, value) in flattened(written) {
        let key = OTHER_KEYS
            .iter()
            .find(|(other, _)| *other == key)
            .map_or(key.as_str(), |(_, name)| name);
        let Some(directive) = by_key(key) else {
            unknown.push(key.to_owned());
            continue;
        };
        // As in Go, null is the same as nothing.
        if !value.is_null() {
            values.insert(directive.key, checked(directive, value)?);
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

/// Groups that are no setting of their own (`proxies`) taken apart.
fn flattened(written: Map<String, Value>) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    for (key, value) in written {
        match value {
            Value::Object(group) if by_key(&key).is_none() && !group.is_empty() => flat.extend(group),
            value => flat.push((key, value)),
        }
    }
    flat
}

/// The value in the form the setting has.
fn checked(directive: &Directive, value: Value) -> Result<Value, String> {
    let wrong = |value: &Value, kind: &str| {
        Err(format!(
            "json: cannot unmarshal {} into Go struct field Config.{} of type {kind}",
            go_kind(value),
            directive.key
        ))
    };
    let is_text_map = |map: &Map<String, Value>| map.values().all(Value::is_string);
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
        (Kind::Map, Value::Object(map)) if is_text_map(map) => Ok(value),
        (Kind::Map, Value::Object(map)) => {
            let entry = map.values().find(|entry| !entry.is_string()).unwrap_or(&value);
            wrong(entry, "string")
        }
        (Kind::Switches, Value::Object(map)) => match map.values().find(|entry| !entry.is_boolean()) {
            Some(entry) => wrong(entry, "bool"),
            None => Ok(value),
        },
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
                Kind::Ulimits => "map[string]*container.Ulimit",
                Kind::Pools => "[]*ipamutils.NetworkToSplit",
                Kind::Runtimes => "map[string]system.Runtime",
                Kind::Object => "map[string]interface {}",
            },
        ),
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
    fn wrong_types_are_told_in_gos_words() {
        assert_eq!(
            complaint(r#"{"debug":"yes"}"#),
            "json: cannot unmarshal string into Go struct field Config.debug of type bool"
        );
        assert_eq!(
            complaint(r#"{"dns":[1]}"#),
            "json: cannot unmarshal number into Go struct field Config.dns of type string"
        );
        assert_eq!(
            complaint(r#"{"mtu":1.5}"#),
            "json: cannot unmarshal number 1.5 into Go struct field Config.mtu of type int"
        );
        assert!(complaint(r#"{"log-opts":{"a":1}}"#).contains("Config.log-opts of type string"));
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
