//! Reads arguments by a table of flags.

use std::io::Write;

use super::{Flag, Kind, Standing, check};

/// What the arguments said.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    /// Arguments that are no flags.
    pub(crate) args: Vec<String>,
    /// Flags in the order given, by their main name.
    given: Vec<(&'static str, String)>,
    /// The table, for defaults.
    table: &'static [Flag],
}

/// What is wrong with the arguments, in the words of Docker's parser.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FlagError {
    /// No such flag.
    #[error("unknown flag: --{0}")]
    Unknown(String),
    /// No such letter.
    #[error("unknown shorthand flag: {0:?} in -{1}")]
    UnknownShort(char, String),
    /// `--=x`, `---x`.
    #[error("bad flag syntax: {0}")]
    Syntax(String),
    /// The value is missing.
    #[error("flag needs an argument: --{0}")]
    Missing(String),
    /// The value is missing behind a letter.
    #[error("flag needs an argument: {0:?} in -{1}")]
    MissingShort(char, String),
    /// The value is not of the flag's type.
    #[error("invalid argument {value:?} for {flag:?} flag: {reason}")]
    Invalid {
        /// The value.
        value: String,
        /// The flag, as `-m, --memory`.
        flag: String,
        /// What is wrong.
        reason: String,
    },
    /// Docker has the flag, Corten does not.
    #[error("--{0} is not supported by Corten yet")]
    NotYet(&'static str),
    /// The flag is for engines on another system.
    #[error(
        "{0:?} is only supported on a Docker daemon running on windows, but the Docker daemon is running on linux"
    )]
    Windows(String),
}

impl Matches {
    /// Reads `args`; `None` when they ask for help.
    pub(crate) fn parse(
        table: &'static [Flag],
        interspersed: bool,
        args: Vec<String>,
    ) -> Result<Option<Self>, FlagError> {
        let mut matches = Self {
            table,
            ..Self::default()
        };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            if arg == "--" {
                break;
            }
            let wants_help = if let Some(long) = arg.strip_prefix("--") {
                matches.long(long, &mut args)?
            } else if arg.len() > 1 && arg.starts_with('-') {
                matches.shorts(&arg[1..], &mut args)?
            } else {
                matches.args.push(arg);
                if !interspersed {
                    break;
                }
                false
            };
            if wants_help {
                return Ok(None);
            }
        }
        matches.args.extend(args);
        Ok(Some(matches))
    }

    /// Whether the flag was given at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    /// Whether a switch is on.
    pub(crate) fn on(&self, name: &str) -> bool {
        match self.text(name) {
            Some(value) => value == "true",
            None => self
                .table
                .iter()
                .any(|flag| flag.name == name && flag.default == "true"),
        }
    }

    /// The (last) value of a flag.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.given
            .iter()
            .rfind(|(given, _)| *given == name)
            .map(|(_, value)| value.as_str())
    }

    /// The (last) value of a flag, or nothing when it is empty.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// The value of a flag made with [`Flag::int`].
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        // What is not a number was refused when it was read.
        self.text(name).and_then(|text| check::integer(text).ok())
    }

    /// All values of a flag, in order.
    pub(crate) fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.given
            .iter()
            .filter(move |(given, _)| *given == name)
            .map(|(_, value)| value.as_str())
    }

    fn long(&mut self, text: &str, rest: &mut impl Iterator<Item = String>) -> Result<bool, FlagError> {
        if text.starts_with(['-', '=']) {
            return Err(FlagError::Syntax(format!("--{text}")));
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if name == "help" {
            return Ok(true);
        }
        let flag = self
            .table
            .iter()
            .find(|flag| flag.name == name)
            .ok_or_else(|| FlagError::Unknown(name.to_owned()))?;
        let value = match (value, flag.kind) {
            (Some(value), _) => value,
            (None, Kind::Switch) => "true".to_owned(),
            (None, Kind::Value(_)) => rest.next().ok_or_else(|| FlagError::Missing(name.to_owned()))?,
        };
        self.set(flag, value)?;
        Ok(false)
    }

    fn shorts(&mut self, cluster: &str, rest: &mut impl Iterator<Item = String>) -> Result<bool, FlagError> {
        let mut letters = cluster;
        while let Some(letter) = letters.chars().next() {
            let here = letters;
            letters = &letters[letter.len_utf8()..];
            let Some(flag) = self.table.iter().find(|flag| flag.short == Some(letter)) else {
                if letter == 'h' {
                    return Ok(true);
                }
                return Err(FlagError::UnknownShort(letter, here.to_owned()));
            };
            let (value, done) = match (letters.strip_prefix('='), flag.kind) {
                (Some(value), _) => (value.to_owned(), true),
                (None, Kind::Switch) => ("true".to_owned(), false),
                (None, Kind::Value(_)) if !letters.is_empty() => (letters.to_owned(), true),
                (None, Kind::Value(_)) => {
                    let missing = || FlagError::MissingShort(letter, here.to_owned());
                    (rest.next().ok_or_else(missing)?, true)
                }
            };
            self.set(flag, value)?;
            if done {
                break;
            }
        }
        Ok(false)
    }

    fn set(&mut self, flag: &'static Flag, value: String) -> Result<(), FlagError> {
        let name = match flag.standing {
            Standing::Known | Standing::NotYet | Standing::Windows | Standing::Help => flag.name,
            Standing::Alias(of) => of,
            Standing::Deprecated(of) => {
                // On standard output, as the original has it. A remark that cannot be shown is no reason to fail.
                let _ = writeln!(
                    std::io::stdout(),
                    "Flag --{} has been deprecated, use --{of} instead",
                    flag.name
                );
                of
            }
        };
        let judge = self.table.iter().find(|other| other.name == name).unwrap_or(flag);
        if judge.standing == Standing::NotYet {
            return Err(FlagError::NotYet(judge.name));
        }
        if judge.standing == Standing::Windows {
            return Err(FlagError::Windows(judge.title()));
        }
        let invalid = |reason| FlagError::Invalid {
            value: value.clone(),
            flag: judge.title(),
            reason,
        };
        let read = match judge.kind {
            Kind::Switch => check::go_bool(&value).map_err(invalid)?.to_string(),
            Kind::Value(_) => value.clone(),
        };
        if let Some(check) = judge.check {
            check(&read).map_err(invalid)?;
        }
        self.given.push((name, read));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static TABLE: &[Flag] = &[
        Flag::switch("detach", "").short('d'),
        Flag::list("env", "").short('e'),
        Flag::text("hostname", "").short('h'),
        Flag::switch("interactive", "").short('i'),
        Flag::list("network", ""),
        Flag::alias("net", "network"),
        Flag::switch("odd", "").not_yet(),
        Flag::int("pids-limit", ""),
        Flag::switch("sig-proxy", "").default("true"),
        Flag::switch("tty", "").short('t'),
        Flag::int("weird", "").windows(),
    ];

    fn parse(args: &[&str]) -> Result<Option<Matches>, FlagError> {
        Matches::parse(TABLE, false, args.iter().map(|arg| (*arg).to_owned()).collect())
    }

    fn complaint(args: &[&str]) -> String {
        parse(args).unwrap_err().to_string()
    }

    #[test]
    fn reads_all_spellings() {
        let m = parse(&[
            "-itd=false",
            "-eA=1",
            "-e",
            "-B",
            "--env=C",
            "--net",
            "x",
            "img",
            "-t",
            "--",
            "y",
        ])
        .unwrap()
        .unwrap();
        assert!(m.on("interactive") && m.on("tty") && !m.on("detach") && m.on("sig-proxy"));
        assert_eq!(m.list("env").collect::<Vec<_>>(), ["A=1", "-B", "C"]);
        assert_eq!(m.text("network"), Some("x"));
        assert_eq!(m.args, ["img", "-t", "--", "y"]);
        let m = parse(&["--sig-proxy=0", "--pids-limit", "-1", "--", "-x"])
            .unwrap()
            .unwrap();
        assert!(!m.on("sig-proxy"));
        assert_eq!(m.int("pids-limit"), Some(-1));
        assert_eq!(m.args, ["-x"]);
        assert!(parse(&["-i", "--help"]).unwrap().is_none());
        assert_eq!(
            parse(&["-h", "name"]).unwrap().unwrap().text("hostname"),
            Some("name")
        );
    }

    #[test]
    fn complains_as_docker_does() {
        assert_eq!(complaint(&["--foo=1"]), "unknown flag: --foo");
        assert_eq!(complaint(&["-itZx"]), "unknown shorthand flag: 'Z' in -Zx");
        assert_eq!(complaint(&["-ie"]), "flag needs an argument: 'e' in -e");
        assert_eq!(complaint(&["--env"]), "flag needs an argument: --env");
        assert_eq!(complaint(&["---x"]), "bad flag syntax: ---x");
        assert_eq!(
            complaint(&["-t=x"]),
            "invalid argument \"x\" for \"-t, --tty\" flag: strconv.ParseBool: parsing \"x\": invalid syntax"
        );
        assert_eq!(
            complaint(&["--pids-limit", "x"]),
            "invalid argument \"x\" for \"--pids-limit\" flag: strconv.ParseInt: parsing \"x\": invalid syntax"
        );
        assert_eq!(
            complaint(&["--weird", "1"]),
            "\"--weird\" is only supported on a Docker daemon running on windows, but the Docker daemon is running on linux"
        );
        assert_eq!(complaint(&["--odd"]), "--odd is not supported by Corten yet");
    }
}
