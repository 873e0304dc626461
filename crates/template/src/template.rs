//! A parsed template, and the limits within which it is executed.

use std::collections::BTreeMap;
use std::thread;

use crate::error::Error;
use crate::exec;
use crate::function::Functions;
use crate::node::{Node, Operand, Pipe, Term};
use crate::parse;
use crate::value::Value;

/// So deep templates may call each other. Go allows ten times that; its stacks grow.
pub const MAX_DEPTH: usize = 10_000;
/// So many bytes a template, or a function in it, may make.
pub const MAX_OUTPUT: usize = 64 << 20;
/// Stack of a thread that executes templates which call others. Only what is used of it costs memory.
const STACK: usize = 512 << 20;

/// What a key that a map does not have gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// A value that prints as `<no value>` (`missingkey=default`).
    NoValue,
    /// An error (`missingkey=error`).
    Error,
}

/// A parsed template.
#[derive(Debug)]
pub struct Template {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) root: Vec<Node>,
    pub(crate) defined: BTreeMap<String, Vec<Node>>,
}

impl Template {
    /// Parses `text`. `name` is only for messages (Docker's templates have none), `functions` those that may be called.
    pub fn parse(name: &str, text: &str, functions: &Functions) -> Result<Self, Error> {
        let parsed = parse::parse(name, text, functions)?;
        Ok(Self {
            name: name.to_owned(),
            text: text.to_owned(),
            root: parsed.root,
            defined: parsed.defined,
        })
    }

    /// The text that the template makes of `data`.
    pub fn execute(&self, data: &Value, functions: &Functions, missing: Missing) -> Result<String, Error> {
        let run = || exec::execute(self, data, functions, missing);
        if !calls(&self.root) {
            return run();
        }
        // Templates that call each other may go deep.
        thread::scope(|scope| {
            let thread = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run);
            match thread.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(Error::new("the template's execution failed")),
                Err(error) => Err(Error::new(format!("no thread to execute the template: {error}"))),
            }
        })
    }

    /// Every field that the template mentions, wherever and under which dot it does; `.` for the dot itself.
    pub fn fields(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for list in std::iter::once(&self.root).chain(self.defined.values()) {
            list_fields(list, &mut names);
        }
        names
    }
}

/// Whether nodes call a template.
fn calls(list: &[Node]) -> bool {
    list.iter().any(|node| match node {
        Node::Template { .. } => true,
        Node::Control(control) => {
            calls(&control.list) || control.otherwise.as_ref().is_some_and(|list| calls(list))
        }
        _ => false,
    })
}

fn list_fields<'a>(list: &'a [Node], names: &mut Vec<&'a str>) {
    for node in list {
        match node {
            Node::Action(pipe) => pipe_fields(pipe, names),
            Node::Control(control) => {
                pipe_fields(&control.pipe, names);
                list_fields(&control.list, names);
                list_fields(control.otherwise.as_deref().unwrap_or(&[]), names);
            }
            Node::Template { pipe, .. } => {
                if let Some(pipe) = pipe {
                    pipe_fields(pipe, names);
                }
            }
            Node::Text(_) | Node::Break | Node::Continue => {}
        }
    }
}

fn pipe_fields<'a>(pipe: &'a Pipe, names: &mut Vec<&'a str>) {
    for operand in pipe.commands.iter().flat_map(|command| &command.args) {
        operand_fields(operand, names);
    }
}

fn operand_fields<'a>(operand: &'a Operand, names: &mut Vec<&'a str>) {
    match &operand.term {
        Term::Field(fields) | Term::Variable(_, fields) => names.extend(fields.first().map(String::as_str)),
        Term::Dot => names.push("."),
        Term::Pipe(pipe) => pipe_fields(pipe, names),
        Term::Chain(inner, fields) => {
            operand_fields(inner, names);
            names.extend(fields.first().map(String::as_str));
        }
        _ => {}
    }
}
