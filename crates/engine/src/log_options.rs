//! Log drivers and their options: which there are, what they mean, and where the files are.
//!
//! Words and defaults are those of Docker's `json-file` and `local` drivers, but for the size of a `json-file` log, which is
//! bounded here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use corten_sandbox::{LogFormat, LogTarget};
use corten_wire::LogConfig;
use regex::Regex;

use crate::error::{Error, Result};
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
/// Options of `json-file` that end up as attributes of each line.
const ATTRIBUTES: [&str; 5] = ["labels", "labels-regex", "env", "env-regex", "tag"];

/// Refuses a driver or options that make no sense, when a container is created.
pub(crate) fn check(config: &LogConfig) -> Result<()> {
    let options = config.config.iter().flatten();
    for (key, value) in options {
        if matches!(key.as_str(), "labels-regex" | "env-regex") {
            pattern(value)?;
        }
    }
    bounds(config).map(drop)
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

/// The format of a container's log.
pub(crate) fn format(record: &ContainerRecord) -> LogFormat {
    if record.host_config.log_config.r#type == "local" {
        LogFormat::Local
    } else {
        LogFormat::JsonFile
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
                "logger: no log driver named '{other}' is registered"
            )));
        }
    };
    let empty = BTreeMap::new();
    let options = config.config.as_ref().unwrap_or(&empty);
    bounds.buffer = buffer(options)?;
    for (key, value) in options {
        let invalid = |why: String| Error::Invalid(why);
        match key.as_str() {
            "max-size" if value == "-1" && bounds.format == LogFormat::JsonFile => bounds.max_size = None,
            "max-size" => {
                let size = corten_types::parse_bytes(value).map_err(|error| invalid(error.to_string()))?;
                if size == 0 {
                    return Err(invalid("max-size must be a positive number".to_owned()));
                }
                bounds.max_size = Some(size);
            }
            "max-file" => {
                let count: i64 = value.parse().map_err(|_| {
                    invalid(format!(
                        "strconv.Atoi: parsing {value:?}: invalid syntax (log option max-file)"
                    ))
                })?;
                bounds.max_files = u32::try_from(count)
                    .ok()
                    .filter(|count| *count > 0)
                    .ok_or_else(|| invalid("max-file cannot be less than 1".to_owned()))?;
            }
            "compress" => {
                bounds.compress = go_bool(value).ok_or_else(|| {
                    invalid(format!(
                        "strconv.ParseBool: parsing {value:?}: invalid syntax (log option compress)"
                    ))
                })?;
            }
            key if COMMON.contains(&key) => {}
            key if bounds.format == LogFormat::JsonFile && ATTRIBUTES.contains(&key) => {}
            other => {
                let driver = if driver.is_empty() { "json-file" } else { driver };
                return Err(invalid(format!(
                    "unknown log opt '{other}' for {driver} log driver"
                )));
            }
        }
    }
    let asked = options.contains_key("compress");
    let rotates = bounds.max_files > 1 && bounds.max_size.is_some();
    if bounds.compress && !rotates {
        if asked {
            return Err(Error::Invalid(
                "compress cannot be true when max-file is less than 2 or max-size is not set".to_owned(),
            ));
        }
        bounds.compress = false;
    }
    if options.contains_key("tag") {
        return Err(Error::Unsupported("the log option tag".to_owned()));
    }
    Ok(Some(bounds))
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
        Some(text) => corten_types::parse_bytes(text).map(Some).map_err(|error| {
            Error::Invalid(format!("logger: error parsing option max-buffer-size: {error}"))
        }),
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
            _ => {}
        }
    }
    Ok(found)
}

fn pattern(text: &str) -> Result<Regex> {
    Regex::new(text).map_err(|error| Error::Invalid(format!("error parsing regexp: {error}")))
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
                "unknown log opt 'labels' for local log driver",
            ),
            ("json-file", vec![("max-size", "x")], "invalid size: 'x'"),
            (
                "json-file",
                vec![("max-file", "0")],
                "max-file cannot be less than 1",
            ),
            (
                "json-file",
                vec![("compress", "true"), ("max-file", "1")],
                "compress cannot be true when max-file is less than 2 or max-size is not set",
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
            ("frob", vec![], "logger: no log driver named 'frob' is registered"),
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
        let found = bounds(&config("local", &[("max-file", "1")])).unwrap().unwrap();
        assert!(!found.compress);
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
