//! The parsed template, and how messages show parts of it.

use std::fmt::{self, Display};

use crate::number::Number;

/// A piece of a template.
#[derive(Debug)]
pub(crate) enum Node {
    Text(String),
    Action(Pipe),
    /// `if`, `with`, `range`.
    Control(Box<Control>),
    Template {
        at: usize,
        name: String,
        pipe: Option<Pipe>,
    },
    Break,
    Continue,
}

/// Which control structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ControlKind {
    If,
    With,
    Range,
}

impl ControlKind {
    /// Its word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::With => "with",
            Self::Range => "range",
        }
    }
}

/// `if`, `with`, `range` with their parts.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) kind: ControlKind,
    pub(crate) pipe: Pipe,
    pub(crate) list: Vec<Node>,
    pub(crate) otherwise: Option<Vec<Node>>,
}

/// Commands joined by `|`, with the variables that get their value.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) at: usize,
    /// `=` rather than `:=`.
    pub(crate) assigns: bool,
    /// Variables with their dollar.
    pub(crate) variables: Vec<String>,
    pub(crate) commands: Vec<Command>,
}

/// An operand, and its arguments if it is a function.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) args: Vec<Operand>,
}

/// An operand and where it stands.
#[derive(Debug)]
pub(crate) struct Operand {
    pub(crate) at: usize,
    /// Where its text begins; `at` is the second field where there are several.
    pub(crate) start: usize,
    pub(crate) term: Term,
}

/// What an operand is.
#[derive(Debug)]
pub(crate) enum Term {
    Bool(bool),
    /// An operand with fields behind it that is neither field nor variable.
    Chain(Box<Operand>, Vec<String>),
    Dot,
    Field(Vec<String>),
    Identifier(String),
    Nil,
    Number(Number),
    Pipe(Pipe),
    /// The text, and how it was written.
    String {
        value: String,
        quoted: String,
    },
    /// A variable with its dollar, and the fields behind it.
    Variable(String, Vec<String>),
}

impl Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = |f: &mut fmt::Formatter<'_>, names: &[String]| {
            names.iter().try_for_each(|name| write!(f, ".{name}"))
        };
        match &self.term {
            Term::Bool(value) => write!(f, "{value}"),
            Term::Chain(operand, names) => {
                match operand.term {
                    Term::Pipe(_) => write!(f, "({operand})")?,
                    _ => write!(f, "{operand}")?,
                }
                fields(f, names)
            }
            Term::Dot => f.write_str("."),
            Term::Field(names) => fields(f, names),
            Term::Identifier(name) => f.write_str(name),
            Term::Nil => f.write_str("nil"),
            Term::Number(number) => f.write_str(&number.text),
            Term::Pipe(pipe) => write!(f, "{pipe}"),
            Term::String { quoted, .. } => f.write_str(quoted),
            Term::Variable(name, names) => {
                f.write_str(name)?;
                fields(f, names)
            }
        }
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, operand) in self.args.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            match operand.term {
                Term::Pipe(_) => write!(f, "({operand})")?,
                _ => write!(f, "{operand}")?,
            }
        }
        Ok(())
    }
}

impl Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            let sign = if self.assigns { "=" } else { ":=" };
            write!(f, "{} {sign} ", self.variables.join(", "))?;
        }
        for (at, command) in self.commands.iter().enumerate() {
            if at > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{command}")?;
        }
        Ok(())
    }
}

/// Where an error happened: position and text.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    Command(&'a Command),
    Operand(&'a Operand),
    Pipe(&'a Pipe),
    Template(&'a Node),
}

impl Place<'_> {
    /// Offset in the template's text.
    pub(crate) fn at(&self) -> usize {
        match self {
            // A command begins with its first operand.
            Self::Command(command) => command.args.first().map_or(0, |operand| operand.start),
            Self::Operand(operand) => operand.at,
            Self::Pipe(pipe) => pipe.at,
            Self::Template(Node::Template { at, .. }) => *at,
            Self::Template(_) => 0,
        }
    }
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(command) => write!(f, "{command}"),
            Self::Operand(operand) => write!(f, "{operand}"),
            Self::Pipe(pipe) => write!(f, "{pipe}"),
            Self::Template(Node::Template { name, pipe, .. }) => {
                write!(f, "{{{{template {}", crate::quote(name))?;
                if let Some(pipe) = pipe {
                    write!(f, " {pipe}")?;
                }
                f.write_str("}}")
            }
            Self::Template(_) => Ok(()),
        }
    }
}
