//! Flags: static tables of what a verb knows, and the parser that reads arguments by them.
//!
//! The rules are those of Docker's parser (Go's pflag), down to its messages; `clap` reads other languages: it neither
//! takes `--rm=false` beside `-itd` nor can it complain as Docker does.

mod check;
pub(crate) mod help;
mod matches;

pub(crate) use check::{go_bool, integer, without_underscores};
pub(crate) use corten_types::parse_duration as duration;
pub(crate) use matches::{FlagError, Matches};

/// Judges a value as soon as it is read; the error is a sentence.
pub(crate) type Check = fn(&str) -> Result<(), String>;

/// A flag of a verb.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flag {
    name: &'static str,
    short: Option<char>,
    kind: Kind,
    help: &'static str,
    /// As help shows it.
    default: &'static str,
    check: Option<Check>,
    standing: Standing,
    /// Help keeps quiet about it.
    hidden: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Needs no value.
    Switch,
    /// Needs one, whose type help calls by this name. Lists keep all of them, others the last.
    Value(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Known,
    /// Docker has it, Corten does not yet.
    NotYet,
    /// Docker has it for engines on Windows, and hides it from others.
    Windows,
    /// Another, hidden name of a flag.
    Alias(&'static str),
    /// As `Alias`, and using it is remarked upon.
    Deprecated(&'static str),
    /// The row that tells of `--help`.
    Help,
}

impl Flag {
    /// A flag that is on when given.
    pub(crate) const fn switch(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Switch, help)
    }

    /// A flag with a text behind it.
    pub(crate) const fn text(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Value("string"), help)
    }

    /// A flag that can be repeated.
    pub(crate) const fn list(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Value("list"), help)
    }

    /// A flag with a number behind it.
    pub(crate) const fn int(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Value("int"), help).check(check::int)
    }

    /// The row that tells of `--help`, where `-h` means something else.
    pub(crate) const fn help() -> Self {
        let mut flag = Self::new("help", Kind::Switch, "Print usage");
        flag.standing = Standing::Help;
        flag
    }

    /// A further name, which help does not show.
    pub(crate) const fn alias(name: &'static str, of: &'static str) -> Self {
        let mut flag = Self::new(name, Kind::Value("list"), "");
        flag.standing = Standing::Alias(of);
        flag
    }

    /// A former name, whose use is remarked upon.
    pub(crate) const fn deprecated(name: &'static str, of: &'static str) -> Self {
        let mut flag = Self::new(name, Kind::Value("int"), "");
        flag.standing = Standing::Deprecated(of);
        flag
    }

    /// With a letter.
    pub(crate) const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    /// With a value of the type that help calls `name`.
    pub(crate) const fn of(mut self, name: &'static str) -> Self {
        self.kind = Kind::Value(name);
        self
    }

    /// With this default in help. Switches that are on by default have `true`.
    pub(crate) const fn default(mut self, text: &'static str) -> Self {
        self.default = text;
        self
    }

    /// With values judged as they are read.
    pub(crate) const fn check(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    /// Help keeps quiet about it.
    pub(crate) const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Docker has it, Corten does not yet: using it is an error.
    pub(crate) const fn not_yet(mut self) -> Self {
        self.standing = Standing::NotYet;
        self
    }

    /// Only engines on Windows know it: using it is an error.
    pub(crate) const fn windows(mut self) -> Self {
        self.standing = Standing::Windows;
        self
    }

    /// Its name, without dashes.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Its letter.
    pub(crate) fn letter(&self) -> Option<char> {
        self.short
    }

    /// Whether it needs no value.
    pub(crate) fn is_switch(&self) -> bool {
        self.kind == Kind::Switch
    }

    /// What it does.
    pub(crate) fn about(&self) -> &'static str {
        self.help
    }

    /// Whether its name is among `names`.
    pub(crate) const fn is_any(&self, names: &[&str]) -> bool {
        let mut at = 0;
        while at < names.len() {
            if same(self.name.as_bytes(), names[at].as_bytes()) {
                return true;
            }
            at += 1;
        }
        false
    }

    /// Whether help shows it.
    pub(crate) fn is_shown(&self) -> bool {
        let by_standing = matches!(
            self.standing,
            Standing::Windows | Standing::Alias(_) | Standing::Deprecated(_)
        );
        !self.hidden && !by_standing
    }

    /// `-m, --memory`, as messages name it.
    fn title(&self) -> String {
        match self.short {
            Some(letter) => format!("-{letter}, --{}", self.name),
            None => format!("--{}", self.name),
        }
    }

    const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            short: None,
            kind,
            help,
            default: "",
            check: None,
            standing: Standing::Known,
            hidden: false,
        }
    }
}

/// Equality of texts at compile time, where `==` cannot be used yet.
const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}
