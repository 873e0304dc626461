//! The daemon's flags: dockerd's, read by dockerd's rules, made into the same values the configuration file has.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use serde_json::{Map, Value, json};

use crate::directives::{DIRECTIVES, Directive, Kind};

/// What the command line sets.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Flags {
    /// By name of the setting.
    pub(crate) values: BTreeMap<&'static str, Value>,
    pub(crate) config_file: Option<PathBuf>,
    pub(crate) validate: bool,
    pub(crate) version: bool,
}

/// What the command line comes to if it is not to run a daemon.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The help, asked for.
    Help(String),
    /// What is wrong.
    Mistake(String),
}

/// Reads the command line.
pub(crate) fn parse(program: &str, args: Vec<OsString>) -> Result<Flags, Answer> {
    let matches = command(program)
        .try_get_matches_from(std::iter::once(OsString::from(program)).chain(args))
        .map_err(|error| answer(program, &error))?;
    let mut flags = Flags::default();
    for directive in DIRECTIVES.iter().filter(|directive| !directive.flag.is_empty()) {
        let Some(given) = matches.get_many::<String>(directive.flag) else {
            continue;
        };
        let given: Vec<&str> = given.map(String::as_str).collect();
        let value = value(directive, &given).map_err(|why| {
            let last = given.last().copied().unwrap_or_default();
            let letter = directive
                .short
                .map_or_else(String::new, |letter| format!("-{letter}, "));
            Answer::Mistake(mistake(
                program,
                &format!(
                    "invalid argument {last:?} for \"{letter}--{}\" flag: {why}",
                    directive.flag
                ),
            ))
        })?;
        match directive.flag {
            "config-file" => flags.config_file = value.as_str().map(PathBuf::from),
            "validate" => flags.validate = value == Value::Bool(true),
            "version" => flags.version = value == Value::Bool(true),
            _ => drop(flags.values.insert(directive.name(), value)),
        }
    }
    Ok(flags)
}

fn command(program: &str) -> Command {
    let mut command = Command::new("daemon")
        .bin_name(program.to_owned())
        .about("A self-sufficient runtime for containers.")
        .override_usage(format!("{program} [OPTIONS]"))
        .disable_version_flag(true)
        .max_term_width(110);
    for directive in DIRECTIVES.iter().filter(|directive| !directive.flag.is_empty()) {
        let mut arg = Arg::new(directive.flag)
            .long(directive.flag)
            .help(directive.about)
            .value_name(value_name(directive.kind))
            .action(ArgAction::Append)
            .allow_hyphen_values(true)
            .hide(directive.about.is_empty());
        if directive.kind == Kind::Switch {
            arg = arg
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true");
        }
        if let Some(letter) = directive.short {
            arg = arg.short(letter);
        }
        if directive.flag == "data-root" {
            arg = arg.alias("graph").short_alias('g');
        }
        command = command.arg(arg);
    }
    command
}

/// What help calls a value.
pub(crate) fn value_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Switch => "bool",
        Kind::Number => "int",
        Kind::Bytes => "bytes",
        Kind::List => "list",
        Kind::Map | Kind::Switches | Kind::NetworkOptions | Kind::Object => "map",
        Kind::Ulimits => "ulimit",
        Kind::Pools => "pool-options",
        Kind::Runtimes => "runtime",
        Kind::Text => "string",
    }
}

/// Help, or a mistake in the words of Docker's flags.
fn answer(program: &str, error: &clap::Error) -> Answer {
    if error.kind() == ErrorKind::DisplayHelp {
        return Answer::Help(error.to_string());
    }
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let name = argument.split([' ', '[', '=']).next().unwrap_or_default();
    let why = match error.kind() {
        ErrorKind::UnknownArgument if name.starts_with("--") => format!("unknown flag: {name}"),
        ErrorKind::UnknownArgument if name.starts_with('-') => format!(
            "unknown shorthand flag: '{}' in {name}",
            name.chars().nth(1).unwrap_or('-')
        ),
        ErrorKind::UnknownArgument => format!("\"{program}\" accepts no arguments."),
        ErrorKind::InvalidValue => format!("flag needs an argument: {name}"),
        _ => error.to_string().trim().to_owned(),
    };
    Answer::Mistake(mistake(program, &why))
}

fn mistake(program: &str, why: &str) -> String {
    format!("{why}\nSee '{program} --help'.")
}

/// A flag's values as the one the file would have.
fn value(directive: &Directive, given: &[&str]) -> Result<Value, String> {
    let last = given.last().copied().unwrap_or_default();
    Ok(match directive.kind {
        Kind::Text | Kind::Bytes => json!(last),
        Kind::Switch => json!(switch(last)?),
        Kind::Number => json!(
            last.parse::<i64>()
                .map_err(|_| format!("strconv.ParseInt: parsing {last:?}: invalid syntax"))?
        ),
        Kind::List => json!(given),
        Kind::Map | Kind::Object => object(given, |text| Ok(json!(text)))?,
        Kind::Switches => object(given, |text| {
            Ok(json!(switch(if text.is_empty() { "true" } else { text })?))
        })?,
        Kind::Runtimes => object(given, |text| Ok(json!({ "path": text })))?,
        Kind::Ulimits => {
            let mut limits = Map::new();
            for text in given {
                let (name, limit) = ulimit(text)?;
                limits.insert(name, limit);
            }
            Value::Object(limits)
        }
        Kind::NetworkOptions => network_options(given)?,
        Kind::Pools => Value::Array(given.iter().map(|text| pool(text)).collect::<Result<_, _>>()?),
    })
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

fn object(given: &[&str], read: impl Fn(&str) -> Result<Value, String>) -> Result<Value, String> {
    let mut map = Map::new();
    for text in given {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        map.insert(key.to_owned(), read(value)?);
    }
    Ok(Value::Object(map))
}

/// `nofile=1024:2048`.
fn ulimit(text: &str) -> Result<(String, Value), String> {
    let (name, limits) = text
        .split_once('=')
        .ok_or_else(|| format!("invalid ulimit argument: {text}"))?;
    let number = |text: &str| {
        text.parse::<i64>()
            .map_err(|_| format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
    };
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    let (soft, hard) = (number(soft)?, number(hard)?);
    if hard != -1 && (soft == -1 || soft > hard) {
        return Err(format!(
            "ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}"
        ));
    }
    Ok((
        name.to_owned(),
        json!({ "Name": name, "Soft": soft, "Hard": hard }),
    ))
}

/// `bridge=com.docker.network.driver.mtu=1400`.
fn network_options(given: &[&str]) -> Result<Value, String> {
    let mut drivers: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for text in given {
        let option = text
            .split_once('=')
            .and_then(|(driver, option)| Some((driver, option.split_once('=')?)));
        let (driver, (key, value)) =
            option.ok_or_else(|| format!("invalid option '{text}': it should be DRIVER=OPTION=VALUE"))?;
        drivers.entry(driver).or_default().insert(key, value);
    }
    Ok(json!(drivers))
}

/// `base=10.0.0.0/8,size=24`.
fn pool(text: &str) -> Result<Value, String> {
    let mut pool = Map::new();
    for field in text.split(',') {
        let (key, value) = field
            .split_once('=')
            .ok_or_else(|| format!("invalid field '{field}' must be a key=value pair"))?;
        let value = match key.to_ascii_lowercase().as_str() {
            "base" => json!(value),
            "size" => json!(
                value
                    .parse::<u8>()
                    .map_err(|_| format!("invalid size value: {value} (must be integer)"))?
            ),
            _ => return Err(format!("unexpected key '{key}' in '{field}'")),
        };
        pool.insert(key.to_ascii_lowercase(), value);
    }
    Ok(Value::Object(pool))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Flags, Answer> {
        parse("dockerd", args.iter().map(OsString::from).collect())
    }

    fn value_of(args: &[&str], name: &str) -> Value {
        read(args).unwrap().values[name].clone()
    }

    fn complaint(args: &[&str]) -> String {
        match read(args) {
            Err(Answer::Mistake(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_are_written_as_docker_writes_them() {
        assert_eq!(value_of(&["--icc=false"], "icc"), json!(false));
        assert_eq!(value_of(&["--icc"], "icc"), json!(true));
        assert_eq!(
            value_of(&["-D", "--debug=0"], "debug"),
            json!(false),
            "the last one counts"
        );
        assert_eq!(
            value_of(&["-H", "unix:///a", "-H=fd://"], "hosts"),
            json!(["unix:///a", "fd://"])
        );
        assert_eq!(
            value_of(&["--log-opt", "a=b", "--log-opt=c=d=e"], "log-opts"),
            json!({"a": "b", "c": "d=e"})
        );
        assert_eq!(
            value_of(&["--default-ulimit", "nofile=10:20"], "default-ulimits"),
            json!({"nofile": {"Name": "nofile", "Soft": 10, "Hard": 20}})
        );
        assert_eq!(
            value_of(
                &["--default-address-pool", "base=10.0.0.0/8,size=24"],
                "default-address-pools"
            ),
            json!([{"base": "10.0.0.0/8", "size": 24}])
        );
        assert_eq!(
            value_of(&["--oom-score-adjust", "-500"], "oom-score-adjust"),
            json!(-500)
        );
        assert_eq!(value_of(&["-g", "/x"], "data-root"), json!("/x"));
        assert_eq!(
            value_of(
                &[
                    "--default-network-opt",
                    "bridge=a=1",
                    "--default-network-opt=bridge=b=c=d"
                ],
                "default-network-opts"
            ),
            json!({"bridge": {"a": "1", "b": "c=d"}})
        );
        assert!(read(&["--validate"]).unwrap().validate);
        assert_eq!(read(&[]).unwrap(), Flags::default());
    }

    #[test]
    fn mistakes_are_told_in_dockers_words() {
        assert_eq!(
            complaint(&["--frob"]),
            "unknown flag: --frob\nSee 'dockerd --help'."
        );
        assert_eq!(
            complaint(&["--mtu", "x"]),
            "invalid argument \"x\" for \"--mtu\" flag: strconv.ParseInt: parsing \"x\": invalid syntax\nSee 'dockerd --help'."
        );
        assert!(complaint(&["--debug=x"]).starts_with("invalid argument \"x\" for \"-D, --debug\" flag"));
        assert!(
            complaint(&["--mtu"]).starts_with("flag needs an argument: --mtu"),
            "{}",
            complaint(&["--mtu"])
        );
        assert!(complaint(&["--default-network-opt", "bridge=x"]).contains("DRIVER=OPTION=VALUE"));
        assert!(complaint(&["word"]).starts_with("\"dockerd\" accepts no arguments."));
        assert!(matches!(read(&["--help"]), Err(Answer::Help(_))));
    }
}
