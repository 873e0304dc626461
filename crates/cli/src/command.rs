//! What a verb is: its flags, its arguments, and the function that does it.

use std::future::Future;
use std::pin::Pin;

use crate::error::Error;
use crate::flags::{Flag, Matches, help};
use crate::invocation::Invocation;

/// The program that runs.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// Its name as invoked: `docker`, `corten`.
    pub(crate) name: String,
    /// What it is built from.
    pub(crate) commit: &'static str,
}

#[cfg(test)]
impl Program {
    /// The one tests speak of.
    pub(crate) fn docker() -> Self {
        Self {
            name: "docker".to_owned(),
            commit: "abc1234",
        }
    }
}

/// What a verb's function returns: its exit code, later.
pub(crate) type Outcome = Pin<Box<dyn Future<Output = Result<i32, Error>>>>;

/// A verb. Statics only: a process uses one of them.
pub(crate) struct Command {
    /// One sentence: what it does.
    pub(crate) about: &'static str,
    /// What stands behind the verb in the usage line.
    pub(crate) usage: &'static str,
    /// All names, when there are several.
    pub(crate) names: &'static [&'static str],
    /// Its flags, sorted by name.
    pub(crate) flags: &'static [Flag],
    /// How many arguments it takes.
    pub(crate) arity: Arity,
    /// Flags may follow arguments.
    pub(crate) interspersed: bool,
    /// Does it.
    pub(crate) run: fn(Invocation) -> Outcome,
}

/// How many arguments a verb takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arity {
    /// None.
    None,
    /// So many.
    Exactly(usize),
    /// So many or more.
    AtLeast(usize),
    /// So many or fewer.
    AtMost(usize),
    /// From … to.
    Between(usize, usize),
}

impl Command {
    /// Parses the arguments behind the verb; `Ok(None)` when help was asked for (and printed by the caller).
    pub(crate) fn parse(
        &self,
        program: &Program,
        path: &str,
        args: Vec<String>,
    ) -> Result<Option<Matches>, Error> {
        let command = format!("{} {path}", program.name);
        let usage = self.usage_line(program, path);
        let matches = Matches::parse(self.flags, self.interspersed, args).map_err(|source| Error::Flags {
            command: command.clone(),
            usage: usage.clone(),
            source,
        })?;
        let Some(matches) = matches else {
            return Ok(None);
        };
        if let Some((complaint, pointer)) = self.arity.complaint(matches.args.len()) {
            return Err(Error::Usage(format!(
                "{}: '{command}' {complaint}\n\nUsage:  {usage}\n\n{pointer} '{command} --help' for more information",
                program.name
            )));
        }
        Ok(Some(matches))
    }

    /// How it is used. A second way to use it names the program, too.
    pub(crate) fn usage_line(&self, program: &Program, path: &str) -> String {
        let usage = self.usage_of(&program.name);
        format!("{} {path} {usage}", program.name).trim_end().to_owned()
    }

    /// The same behind its name, for the program `name`.
    pub(crate) fn usage_of(&self, name: &str) -> String {
        self.usage.replace("\tPROGRAM ", &format!("\t{name} "))
    }

    /// The text of `--help`.
    pub(crate) fn help(&self, program: &Program, path: &str, width: usize) -> String {
        let mut text = format!("Usage:  {}\n\n", self.usage_line(program, path));
        text.push_str(self.about);
        text.push('\n');
        if self.names.len() > 1 {
            let names: Vec<_> = self
                .names
                .iter()
                .map(|name| format!("{} {name}", program.name))
                .collect();
            text.push_str(&format!("\nAliases:\n  {}\n", names.join(", ")));
        }
        if self.flags.iter().any(Flag::is_shown) {
            text.push_str("\nOptions:\n");
            text.push_str(&help::options(self.flags, width));
        }
        text
    }
}

impl Arity {
    /// What is wrong with `count` arguments, and Docker's word in front of the pointer to the help.
    fn complaint(self, count: usize) -> Option<(String, &'static str)> {
        let plural = |n: usize| if n == 1 { "argument" } else { "arguments" };
        match self {
            Self::None => (count > 0).then(|| ("accepts no arguments".to_owned(), "Run")),
            Self::Exactly(n) => (count != n).then(|| (format!("requires {n} {}", plural(n)), "Run")),
            Self::AtLeast(n) => (count < n).then(|| (format!("requires at least {n} {}", plural(n)), "See")),
            Self::AtMost(n) => (count > n).then(|| (format!("requires at most {n} {}", plural(n)), "Run")),
            Self::Between(low, high) => (count < low || count > high).then(|| {
                (
                    format!("requires at least {low} and at most {high} {}", plural(high)),
                    "Run",
                )
            }),
        }
    }
}
