//! Log drivers and their options: which there are, what they mean, and where the files are.
//!
//! Words and defaults are those of Docker's `json-file` and `local` drivers, but for the size of a `json-file` log, which is
//! bounded here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use corten_sandbox::{LogFormat, LogTarget};
use corten_types::parse_decimal_bytes;
use corten_wire::LogConfig;
use regex::Regex;

use crate::error::{Error, Result};
use crate::log_tag;
use crate::record::ContainerRecord;

/// `json-file` logs are never larger than this unless a container asks otherwise; unbounded logs fill disks.
const JSON_FILE_SIZE: u64 = 100 << 20;
const JSON_FILE_COUNT: u32 = 3;
/// Docker's bounds for `local` logs.
const LOCAL_SIZE: u64 = 20 << 20;
const LOCAL_COUNT: u32 = 5;
/// Docker's buffer of `mode=non-blocking`, in bytes.
const BUFFER_SIZE: u64 = 1 << 20;

/// Drivers Docker has and Corten does not.
const ELSEWHERE: [&str; 8] = [
    "syslog", "journald", "gelf", "fluentd", "awslogs", "splunk", "gcplogs", "etwlogs",
];
/// Options of all drivers.
const COMMON: [&str; 2] = ["mode", "max-buffer-size"];
/// Options of both drivers.
const SIZES: [&str; 3] = ["max-size", "max-file", "compress"];
/// Options of `json-file` that end up as attributes of each line.
const ATTRIBUTES: [&str; 5] = ["labels", "labels-regex", "env", "env-regex", "tag"];

/// Refuses a driver or options that make no sense, when a container is created. Docker finds some of that only at the start.
pub(crate) fn check(config: &LogConfig) -> Result<()> {
    bounds(config)?;
    for (key, value) in config.config.iter().flatten() {
        match key.as_str() {
            "labels-regex" | "env-regex" => drop(pattern(value)?),
            "tag" => log_tag::check(value)?,
            _ => {}
        }
    }
    Ok(())
}

/// How a container's log is written; `None` when it keeps none.
pub(crate) fn format(record: &ContainerRecord) -> Option<LogFormat> {
    match record.host_config.log_config.r#type.as_str() {
        "none" => None,
        "local" => Some(LogFormat::Local),
        _ => Some(LogFormat::JsonFile),
    }
}

/// Where and how a container's output is recorded; `None` with the driver `none`.
pub(crate) fn target(record: &ContainerRecord, dir: &Path) -> Result<Option<LogTarget>> {
    let config = &record.host_config.log_config;
    let Some(bounds) = bounds(config)? else {
        return Ok(None);
    };
    let path = path(record, dir);
    if bounds.format == LogFormat::Local
        && let Some(parent) = path.parent()
    {
        std::fs::create_dir_all(parent)
            .map_err(Error::system(format!("cannot create {}", parent.display())))?;
    }
    Ok(Some(LogTarget {
        path,
        max_size: bounds.max_size,
        max_files: bounds.max_files,
        attributes: attributes(record)?.into_iter().collect(),
        format: bounds.format,
        compress: bounds.compress,
        buffer: bounds.buffer,
    }))
}

/// Where a container's log is, by its driver.
pub(crate) fn path(record: &ContainerRecord, dir: &Path) -> PathBuf {
    if record.host_config.log_config.r#type == "local" {
        dir.join("local-logs").join("container.log")
    } else {
        dir.join(format!("{}-json.log", record.id))
    }
}

/// What options come to, but for the attributes.
struct Bounds {
    format: LogFormat,
    max_size: Option<u64>,
    max_files: u32,
    compress: bool,
    buffer: Option<u64>,
}

fn bounds(config: &LogConfig) -> Result<Option<Bounds>> {
    let driver = config.r#type.as_str();
    let mut bounds = match driver {
        "none" => return Ok(None),
        "" | "json-file" => Bounds {
            format: LogFormat::JsonFile,
            max_size: Some(JSON_FILE_SIZE),
            max_files: JSON_FILE_COUNT,
            compress: false,
            buffer: None,
        },
        "local" => Bounds {
            format: LogFormat::Local,
            max_size: Some(LOCAL_SIZE),
            max_files: LOCAL_COUNT,
            compress: true,
            buffer: None,
        },
        known if ELSEWHERE.contains(&known) => {
            return Err(Error::Unsupported(format!("the log driver {known}")));
        }
        other => {
            return Err(Error::Invalid(format!(
                "error looking up logging plugin {other}: plugin {other:?} not found"
            )));
        }
    };
    let empty = BTreeMap::new();
    let options = config.config.as_ref().unwrap_or(&empty);
    bounds.buffer = buffer(options)?;
    let local = bounds.format == LogFormat::Local;
    for key in options.keys().map(String::as_str) {
        let known = COMMON.contains(&key) || SIZES.contains(&key) || (!local && ATTRIBUTES.contains(&key));
        if !known {
            return Err(Error::Invalid(if local {
                format!("unknown log opt '{key}' for log driver local")
            } else {
                format!("unknown log opt '{key}' for json-file log driver")
            }));
        }
    }
    if let Some(text) = options.get("max-size") {
        bounds.max_size = max_size(text, local)?;
    }
    if let Some(text) = options.get("max-file") {
        bounds.max_files = max_files(text, local)?;
    }
    if let Some(text) = options.get("compress") {
        bounds.compress = go_bool(text).ok_or_else(|| {
            let before = if local {
                "error reading compress log option: "
            } else {
                ""
            };
            refused(format!(
                "{before}strconv.ParseBool: parsing {text:?}: invalid syntax"
            ))
        })?;
    }
    let rotates = bounds.max_files > 1 && bounds.max_size.is_some();
    if bounds.compress && !rotates {
        return Err(refused(if local {
            "compression cannot be enabled when max file count is 1".to_owned()
        } else {
            "compress cannot be true when max-file is less than 2 or max-size is not set".to_owned()
        }));
    }
    Ok(Some(bounds))
}

/// `max-size`, in bytes; `None` for a log without bounds. With `local`, 0 means the default.
fn max_size(text: &str, local: bool) -> Result<Option<u64>> {
    if text == "-1" && !local {
        return Ok(None);
    }
    let size = parse_decimal_bytes(text).map_err(|error| {
        let before = if local {
            format!("invalid value for max-size: {text}: ")
        } else {
            String::new()
        };
        refused(format!("{before}{error}"))
    })?;
    match size {
        0 if local => Ok(Some(LOCAL_SIZE)),
        0 => Err(refused("max-size must be a positive number".to_owned())),
        size => Ok(Some(size)),
    }
}

/// `max-file`. With `local`, 0 means one file.
fn max_files(text: &str, local: bool) -> Result<u32> {
    let count: i64 = text.parse().map_err(|_| {
        let before = if local {
            format!("invalid value for max-file: {text}: ")
        } else {
            String::new()
        };
        refused(format!("{before}strconv.Atoi: parsing {text:?}: invalid syntax"))
    })?;
    let least = if local { 0 } else { 1 };
    if count < least {
        return Err(refused(if local {
            "max file count cannot be less than 0".to_owned()
        } else {
            "max-file cannot be less than 1".to_owned()
        }));
    }
    Ok(u32::try_from(count.max(1)).unwrap_or(u32::MAX))
}

/// What Docker says when a driver cannot be made.
fn refused(why: String) -> Error {
    Error::Invalid(format!("failed to initialize logging driver: {why}"))
}

/// Bytes of output that may wait for the log when the container must not.
fn buffer(options: &BTreeMap<String, String>) -> Result<Option<u64>> {
    let mode = options.get("mode").map_or("", String::as_str);
    if !matches!(mode, "" | "blocking" | "non-blocking") {
        return Err(Error::Invalid(format!(
            "logger: logging mode not supported: {mode}"
        )));
    }
    let size = options.get("max-buffer-size");
    if mode != "non-blocking" {
        return match size {
            None => Ok(None),
            Some(_) => Err(Error::Invalid(
                "logger: max-buffer-size option is only supported with 'mode=non-blocking'".to_owned(),
            )),
        };
    }
    match size {
        None => Ok(Some(BUFFER_SIZE)),
        Some(text) => corten_types::parse_bytes(text)
            .map(Some)
            .map_err(|error| Error::Invalid(format!("error parsing option max-buffer-size: {error}"))),
    }
}

/// What each line carries besides its text: labels and variables of the container.
fn attributes(record: &ContainerRecord) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let options = record.host_config.log_config.config.iter().flatten();
    let labels = record.config.labels.iter().flatten();
    let labels: Vec<(&str, &str)> = labels
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let variables: Vec<(&str, &str)> = record
        .config
        .env
        .iter()
        .flatten()
        .filter_map(|entry| entry.split_once('='))
        .collect();
    for (key, value) in options {
        let from = if key.starts_with("labels") {
            &labels
        } else {
            &variables
        };
        let mut add = |wanted: &dyn Fn(&str) -> bool| {
            for (name, value) in from.iter().filter(|(name, _)| wanted(name)) {
                found.insert((*name).to_owned(), (*value).to_owned());
            }
        };
        match key.as_str() {
            "labels" | "env" => add(&|name| value.split(',').any(|wanted| wanted == name)),
            "labels-regex" | "env-regex" => {
                let pattern = pattern(value)?;
                add(&|name| pattern.is_match(name));
            }
            "tag" if !value.is_empty() => {
                let tag = log_tag::expand(value, record)?;
                found.insert("tag".to_owned(), tag);
            }
            _ => {}
        }
    }
    Ok(found)
}

fn pattern(text: &str) -> Result<Regex> {
    Regex::new(text).map_err(|error| refused(format!("error parsing regexp: {error}")))
}

/// Go's words for true and false.
fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn config(driver: &str, pairs: &[(&str, &str)]) -> LogConfig {
        LogConfig {
            r#type: driver.to_owned(),
            config: Some(
                pairs
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                    .collect(),
            ),
        }
    }

    fn complaint(driver: &str, pairs: &[(&str, &str)]) -> String {
        check(&config(driver, pairs)).unwrap_err().to_string()
    }

    #[test]
    fn mistakes_are_told_in_dockers_words() {
        for (driver, pairs, sentence) in [
            (
                "json-file",
                vec![("frob", "1")],
                "unknown log opt 'frob' for json-file log driver",
            ),
            (
                "local",
                vec![("labels", "a")],
                "unknown log opt 'labels' for log driver local",
            ),
            (
                "json-file",
                vec![("max-size", "x")],
                "failed to initialize logging driver: invalid size: 'x'",
            ),
            (
                "local",
                vec![("max-size", "-1")],
                "failed to initialize logging driver: invalid value for max-size: -1: invalid size: '-1'",
            ),
            (
                "local",
                vec![("max-file", "1")],
                "failed to initialize logging driver: compression cannot be enabled when max file count is 1",
            ),
            (
                "json-file",
                vec![("tag", "{{.Foo}}")],
                "failed to initialize logging driver: template: log-tag:1:2: executing \"log-tag\" at <.Foo>: can't evaluate field Foo in type *logger.Info",
            ),
            (
                "json-file",
                vec![("max-file", "0")],
                "failed to initialize logging driver: max-file cannot be less than 1",
            ),
            (
                "json-file",
                vec![("compress", "true"), ("max-file", "1")],
                "failed to initialize logging driver: compress cannot be true when max-file is less than 2 or max-size is not set",
            ),
            (
                "json-file",
                vec![("mode", "odd")],
                "logger: logging mode not supported: odd",
            ),
            (
                "json-file",
                vec![("max-buffer-size", "1m")],
                "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
            ),
            (
                "frob",
                vec![],
                "error looking up logging plugin frob: plugin \"frob\" not found",
            ),
        ] {
            assert_eq!(complaint(driver, &pairs), sentence);
        }
        assert!(check(&config("none", &[("anything", "goes")])).is_ok());
        assert!(check(&config("syslog", &[])).is_err());
    }

    #[test]
    fn local_logs_are_bounded_and_compressed() {
        let found = bounds(&config("local", &[])).unwrap().unwrap();
        assert_eq!(
            (found.max_size, found.max_files, found.compress),
            (Some(20 << 20), 5, true)
        );
        let found = bounds(&config(
            "local",
            &[("max-file", "1"), ("compress", "f"), ("max-size", "1m")],
        ))
        .unwrap()
        .unwrap();
        assert_eq!(
            (found.max_size, found.max_files, found.compress),
            (Some(1_000_000), 1, false)
        );
        let found = bounds(&config("json-file", &[("max-size", "-1")]))
            .unwrap()
            .unwrap();
        assert_eq!(found.max_size, None);
    }

    #[test]
    fn attributes_come_from_labels_and_variables() {
        let mut record = fixture::record("box");
        record.config.labels = Some(
            [("a", "1"), ("b", "2")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        );
        record.config.env = Some(vec!["APP_X=3".to_owned(), "Y=4".to_owned()]);
        record.host_config.log_config = config("json-file", &[("labels", "a,zz"), ("env-regex", "^APP_")]);
        let found = attributes(&record).unwrap();
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            [
                ("APP_X".to_owned(), "3".to_owned()),
                ("a".to_owned(), "1".to_owned())
            ]
        );
    }
}
