//! Executes a template, by the rules of Go's `text/template/exec.go`, with its sentences.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::error::Error;
use crate::function::{Function, Functions, Param};
use crate::node::{Command, Control, ControlKind, Node, Operand, Pipe, Place, Term};
use crate::number::Number;
use crate::print;
use crate::quote;
use crate::schema::Type;
use crate::template::{MAX_DEPTH, MAX_OUTPUT, Missing, Template};
use crate::value::{List, Value};

/// So many nodes may be visited: a template that counts to a billion is none that anybody waits for.
const MAX_STEPS: u64 = 50_000_000;
/// So deep control structures may nest, over all templates that call each other.
const MAX_LEVELS: usize = 5 * MAX_DEPTH;

/// The text that `template` makes of `data`.
pub(crate) fn execute(
    template: &Template,
    data: &Value,
    functions: &Functions,
    missing: Missing,
) -> Result<String, Error> {
    let mut state = State {
        template,
        name: &template.name,
        functions,
        missing,
        place: None,
        variables: vec![("$", data.clone())],
        depth: 0,
        levels: 0,
        steps: 0,
        out: String::new(),
    };
    // A break never leaves the range it is in: the parser sees to that.
    match state.walk_list(data, &template.root) {
        Ok(_) => Ok(state.out),
        Err(error) => Err(error.after(state.out)),
    }
}

/// Why the nodes behind are not to be walked.
enum Leave {
    Break,
    Continue,
}

type Flow = ControlFlow<Leave>;

struct State<'a> {
    template: &'a Template,
    /// Of the template being executed.
    name: &'a str,
    functions: &'a Functions,
    missing: Missing,
    /// What is being evaluated, for messages.
    place: Option<Place<'a>>,
    variables: Vec<(&'a str, Value)>,
    depth: usize,
    levels: usize,
    steps: u64,
    out: String,
}

impl<'a> State<'a> {
    fn walk_list(&mut self, dot: &Value, list: &'a [Node]) -> Result<Flow, Error> {
        self.levels += 1;
        if self.levels > MAX_LEVELS {
            return Err(self.fail(format!("exceeded maximum template depth ({MAX_DEPTH})")));
        }
        for node in list {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return Err(self.fail(format!("exceeded maximum number of steps ({MAX_STEPS})")));
            }
            let flow = match node {
                Node::Text(text) => {
                    self.write(text)?;
                    Flow::Continue(())
                }
                Node::Action(pipe) => {
                    let value = self.pipeline(dot, pipe)?;
                    // What goes into variables is not shown.
                    if pipe.variables.is_empty() {
                        self.write(&print::printable(&value))?;
                    }
                    Flow::Continue(())
                }
                Node::Control(control) => self.control(dot, control)?,
                Node::Template { name, pipe, .. } => {
                    self.call_template(dot, node, name, pipe.as_ref())?;
                    Flow::Continue(())
                }
                Node::Break => Flow::Break(Leave::Break),
                Node::Continue => Flow::Break(Leave::Continue),
            };
            if flow.is_break() {
                self.levels -= 1;
                return Ok(flow);
            }
        }
        self.levels -= 1;
        Ok(Flow::Continue(()))
    }

    fn write(&mut self, text: &str) -> Result<(), Error> {
        if self.out.len() + text.len() > MAX_OUTPUT {
            return Err(self.fail(format!("output is longer than {MAX_OUTPUT} bytes")));
        }
        self.out.push_str(text);
        Ok(())
    }

    fn control(&mut self, dot: &Value, control: &'a Control) -> Result<Flow, Error> {
        let mark = self.variables.len();
        let flow = if control.kind == ControlKind::Range {
            self.range(dot, control)
        } else {
            let value = self.pipeline(dot, &control.pipe)?;
            if value.truth() {
                let dot = if control.kind == ControlKind::With {
                    &value
                } else {
                    dot
                };
                self.walk_list(dot, &control.list)
            } else {
                self.otherwise(dot, control)
            }
        };
        self.variables.truncate(mark);
        flow
    }

    fn otherwise(&mut self, dot: &Value, control: &'a Control) -> Result<Flow, Error> {
        match &control.otherwise {
            Some(list) => self.walk_list(dot, list),
            None => Ok(Flow::Continue(())),
        }
    }

    fn range(&mut self, dot: &Value, control: &'a Control) -> Result<Flow, Error> {
        let value = self.pipeline(dot, &control.pipe)?.indirect().0;
        let mut ran = false;
        let mut one = |state: &mut Self, index: Value, item: Value| {
            ran = true;
            state.iteration(control, index, item)
        };
        match &value {
            Value::List(list) => {
                for at in 0..list.items.len() {
                    let item = list.item(at).unwrap_or(Value::Missing);
                    if one(self, Value::Int(at as i128), item)?.is_break() {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                for (key, item) in &map.entries {
                    if one(self, Value::Text(key.clone()), item.boxed(map.element))?.is_break() {
                        break;
                    }
                }
            }
            Value::Int(count) => {
                if control.pipe.variables.len() > 1 {
                    return Err(self.fail(format!(
                        "can't use {count} to iterate over more than one variable"
                    )));
                }
                for at in 0..(*count).max(0) {
                    if one(self, Value::Missing, Value::Int(at))?.is_break() {
                        break;
                    }
                }
            }
            Value::Missing => {}
            // A nil interface or pointer is as good as an empty list where Go has no type to tell.
            Value::Any(_) => {}
            other => {
                let shown = print::plain(other);
                return Err(self.fail(format!("range can't iterate over {shown}")));
            }
        }
        if ran {
            return Ok(Flow::Continue(()));
        }
        self.otherwise(dot, control)
    }

    fn iteration(&mut self, control: &'a Control, index: Value, item: Value) -> Result<Flow, Error> {
        let mark = self.variables.len();
        let pipe = &control.pipe;
        // The pipeline has left its variables (which hold the whole) on top.
        match (pipe.variables.as_slice(), pipe.assigns) {
            ([], _) => {}
            ([one], true) => self.assign(one, item.clone())?,
            ([first, second, ..], true) => {
                self.assign(first, index)?;
                self.assign(second, item.clone())?;
            }
            ([_], false) => self.set_top(1, item.clone()),
            ([_, _, ..], false) => {
                self.set_top(1, item.clone());
                self.set_top(2, index);
            }
        }
        let flow = self.walk_list(&item, &control.list)?;
        self.variables.truncate(mark);
        Ok(match flow {
            Flow::Break(Leave::Break) => flow,
            _ => Flow::Continue(()),
        })
    }

    fn set_top(&mut self, depth: usize, value: Value) {
        let at = self.variables.len().checked_sub(depth);
        if let Some((_, slot)) = at.and_then(|at| self.variables.get_mut(at)) {
            *slot = value;
        }
    }

    fn assign(&mut self, name: &str, value: Value) -> Result<(), Error> {
        match self.variables.iter_mut().rfind(|(other, _)| *other == name) {
            Some((_, slot)) => {
                *slot = value;
                Ok(())
            }
            None => Err(self.fail(format!("undefined variable: {name}"))),
        }
    }

    fn call_template(
        &mut self,
        dot: &Value,
        node: &'a Node,
        name: &'a str,
        pipe: Option<&'a Pipe>,
    ) -> Result<(), Error> {
        self.place = Some(Place::Template(node));
        let template = self.template;
        let list = match template.defined.get(name) {
            Some(list) => list,
            None if name == template.name => &template.root,
            None => return Err(self.fail(format!("template {} not defined", quote(name)))),
        };
        if self.depth == MAX_DEPTH {
            return Err(self.fail(format!("exceeded maximum template depth ({MAX_DEPTH})")));
        }
        let dot = match pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Value::Missing,
        };
        let variables = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
        let caller = std::mem::replace(&mut self.name, name);
        self.depth += 1;
        let _ = self.walk_list(&dot, list)?;
        self.depth -= 1;
        self.name = caller;
        self.variables = variables;
        Ok(())
    }

    fn pipeline(&mut self, dot: &Value, pipe: &'a Pipe) -> Result<Value, Error> {
        self.place = Some(Place::Pipe(pipe));
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(dot, command, value)?.unboxed());
        }
        let value = value.unwrap_or(Value::Missing);
        for name in &pipe.variables {
            if pipe.assigns {
                self.assign(name, value.clone())?;
            } else {
                self.variables.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    /// A command's value. `last` is the value of the command before, its last argument.
    fn command(&mut self, dot: &Value, command: &'a Command, last: Option<Value>) -> Result<Value, Error> {
        let Some(first) = command.args.first() else {
            return Err(self.fail("empty command"));
        };
        let args = &command.args[1..];
        match &first.term {
            Term::Field(_) | Term::Chain(..) | Term::Variable(..) => self.path(dot, first, args, last),
            Term::Identifier(name) => self.function(dot, Place::Command(command), name, args, last),
            Term::Pipe(pipe) => {
                self.refuse_args(first, args, last.as_ref())?;
                self.pipeline(dot, pipe)
            }
            _ => {
                self.place = Some(Place::Operand(first));
                self.refuse_args(first, args, last.as_ref())?;
                match &first.term {
                    Term::Dot => Ok(dot.clone()),
                    Term::Nil => Err(self.fail("nil is not a command")),
                    _ => self.literal(first),
                }
            }
        }
    }

    fn refuse_args(&self, first: &Operand, args: &[Operand], last: Option<&Value>) -> Result<(), Error> {
        if args.is_empty() && last.is_none() {
            return Ok(());
        }
        Err(self.fail(format!("can't give argument to non-function {first}")))
    }

    fn literal(&mut self, operand: &Operand) -> Result<Value, Error> {
        match &operand.term {
            Term::Bool(value) => Ok(Value::Bool(*value)),
            Term::String { value, .. } => Ok(Value::text(value)),
            Term::Number(Number {
                int,
                is_float,
                float,
                text,
                ..
            }) => match int {
                _ if *is_float => Ok(Value::Float(*float)),
                Some(int) => Ok(Value::Int(i128::from(*int))),
                None => Err(self.fail(format!("{text} overflows int"))),
            },
            _ => Err(self.fail(format!("can't handle {operand}"))),
        }
    }

    /// Fields, of the dot, of a variable, or of what an operand gives.
    fn path(
        &mut self,
        dot: &Value,
        operand: &'a Operand,
        args: &'a [Operand],
        last: Option<Value>,
    ) -> Result<Value, Error> {
        self.place = Some(Place::Operand(operand));
        let (mut value, names) = match &operand.term {
            Term::Field(names) => (dot.clone(), names),
            Term::Variable(name, names) => {
                let Some((_, value)) = self.variables.iter().rfind(|(other, _)| other == name) else {
                    return Err(self.fail(format!("undefined variable: {name}")));
                };
                (value.clone(), names)
            }
            Term::Chain(inner, names) => {
                if matches!(inner.term, Term::Nil) {
                    return Err(self.fail(format!("indirection through explicit nil in {operand}")));
                }
                (self.argument(dot, Param::Value, inner)?, names)
            }
            _ => return Err(self.fail("no path")),
        };
        let Some((final_name, names)) = names.split_last() else {
            self.refuse_args(operand, args, last.as_ref())?;
            return Ok(value);
        };
        for name in names {
            value = self.field(dot, operand, name, &[], None, &value)?;
        }
        self.field(dot, operand, final_name, args, last, &value)
    }

    fn field(
        &mut self,
        dot: &Value,
        operand: &'a Operand,
        name: &str,
        args: &'a [Operand],
        last: Option<Value>,
        receiver: &Value,
    ) -> Result<Value, Error> {
        if matches!(receiver, Value::Missing) {
            if self.missing == Missing::Error {
                return Err(self.fail(format!("nil data; no entry for key {}", quote(name))));
            }
            return Ok(Value::Missing);
        }
        let type_name = receiver.type_name();
        let (inner, is_nil) = receiver.indirect();
        let has_args = !args.is_empty() || last.is_some();
        match &inner {
            Value::Any(_) => {
                return Err(self.fail(format!("nil pointer evaluating {type_name}.{name}")));
            }
            Value::Struct(one) => {
                if let Some((_, method)) = one.methods.iter().find(|(other, _)| *other == name) {
                    let body = method.body.clone();
                    let function = Function::new(method.params, move |args| body(args));
                    return self.call(dot, Place::Operand(operand), name, &function, args, last);
                }
                if let Some(value) = one.get(name) {
                    if has_args {
                        return Err(
                            self.fail(format!("{name} has arguments but cannot be invoked as function"))
                        );
                    }
                    return Ok(value.boxed(match value {
                        Value::Any(_) => Type::Any,
                        _ => Type::Text,
                    }));
                }
            }
            Value::Map(map) if map.key == "string" => {
                if has_args {
                    return Err(self.fail(format!("{name} is not a method but has arguments")));
                }
                return match map.get(name) {
                    Some(value) => Ok(value),
                    None if self.missing == Missing::Error => {
                        Err(self.fail(format!("map has no entry for key {}", quote(name))))
                    }
                    None => Ok(Value::Missing),
                };
            }
            Value::Pointer(None, of) if is_nil => {
                let has_field = match of {
                    Type::Struct(of) => of.fields.iter().any(|field| field.name == name),
                    _ => true,
                };
                if has_field {
                    return Err(self.fail(format!("nil pointer evaluating {type_name}.{name}")));
                }
            }
            _ => {}
        }
        Err(self.fail(format!("can't evaluate field {name} in type {type_name}")))
    }

    fn function(
        &mut self,
        dot: &Value,
        place: Place<'a>,
        name: &str,
        args: &'a [Operand],
        last: Option<Value>,
    ) -> Result<Value, Error> {
        self.place = Some(place);
        let functions = self.functions;
        match functions.get(name) {
            Some(function) => self.call(dot, place, name, function, args, last),
            None => Err(self.fail(format!("{} is not a defined function", quote(name)))),
        }
    }

    fn call(
        &mut self,
        dot: &Value,
        place: Place<'a>,
        name: &str,
        function: &Function,
        args: &'a [Operand],
        last: Option<Value>,
    ) -> Result<Value, Error> {
        let wanted = function.params.len();
        let given = args.len() + usize::from(last.is_some());
        if function.variadic.is_some() {
            if given < wanted {
                return Err(self.fail(format!(
                    "wrong number of args for {name}: want at least {wanted} got {}",
                    args.len()
                )));
            }
        } else if given != wanted {
            return Err(self.fail(format!(
                "wrong number of args for {name}: want {wanted} got {given}"
            )));
        }
        let param = |at: usize| match function.params.get(at) {
            Some(param) => *param,
            None => function.variadic.unwrap_or(Param::Any),
        };
        if let Some(stops_at) = function.stops_at {
            let mut value = Value::Missing;
            for arg in args {
                value = self.argument(dot, Param::Value, arg)?;
                if value.truth() == stops_at {
                    return Ok(value);
                }
            }
            return Ok(last.unwrap_or(value));
        }
        let mut values = Vec::with_capacity(given);
        for (at, arg) in args.iter().enumerate() {
            values.push(self.argument(dot, param(at), arg)?);
        }
        if let Some(last) = last {
            values.push(self.fit(last, param(args.len()))?);
        }
        match (function.body)(&values) {
            Ok(Value::Text(text)) if text.len() > MAX_OUTPUT => {
                Err(self.fail(format!("output is longer than {MAX_OUTPUT} bytes")))
            }
            Ok(value) => Ok(value),
            Err(error) => {
                self.place = Some(place);
                Err(self.fail(format!("error calling {name}: {error}")))
            }
        }
    }

    /// An argument's value, fit for a parameter.
    fn argument(&mut self, dot: &Value, param: Param, operand: &'a Operand) -> Result<Value, Error> {
        self.place = Some(Place::Operand(operand));
        match &operand.term {
            Term::Dot => self.fit(dot.clone(), param),
            Term::Nil => match param {
                Param::Any | Param::Value => Ok(Value::Missing),
                Param::Texts => self.fit(Value::Missing, param),
                _ => Err(self.fail(format!("cannot assign nil to {}", param.name()))),
            },
            Term::Field(_) | Term::Variable(..) | Term::Chain(..) => {
                let value = self.path(dot, operand, &[], None)?;
                self.fit(value, param)
            }
            Term::Pipe(pipe) => {
                let value = self.pipeline(dot, pipe)?;
                self.fit(value, param)
            }
            Term::Identifier(name) => {
                let value = self.function(dot, Place::Operand(operand), name, &[], None)?;
                self.fit(value, param)
            }
            Term::Bool(_) | Term::Number(_) | Term::String { .. } => match (param, &operand.term) {
                (Param::Any | Param::Value, _) => self.literal(operand),
                (Param::Text, Term::String { value, .. }) => Ok(Value::text(value)),
                (Param::Text, _) => Err(self.fail(format!("expected string; found {operand}"))),
                (Param::Int, Term::Number(Number { int: Some(int), .. })) => Ok(Value::Int(i128::from(*int))),
                (Param::Int, _) => Err(self.fail(format!("expected integer; found {operand}"))),
                (Param::Texts, _) => {
                    Err(self.fail(format!("can't handle {operand} for arg of type []string")))
                }
            },
        }
    }

    /// The value as a parameter's type has it.
    fn fit(&self, value: Value, param: Param) -> Result<Value, Error> {
        let inner = match (param, &value) {
            (Param::Value, _) => return Ok(value),
            (_, Value::Pointer(Some(inner), _)) if param != Param::Any => (**inner).clone().unboxed(),
            _ => value.clone().unboxed(),
        };
        match (param, &inner) {
            (Param::Any, _) => Ok(inner),
            (Param::Text, Value::Text(_)) | (Param::Int, Value::Int(_)) => Ok(inner),
            (Param::Texts, Value::List(list)) if matches!(list.element, Type::Text) => Ok(inner),
            (Param::Texts, Value::Missing) => Ok(Value::List(Arc::new(List {
                element: Type::Text,
                is_nil: true,
                items: Vec::new(),
            }))),
            (_, Value::Missing) => Err(self.fail(format!("invalid value; expected {}", param.name()))),
            _ => Err(self.fail(format!(
                "wrong type for value; expected {}; got {}",
                param.name(),
                inner.type_name()
            ))),
        }
    }

    /// An error at the place being evaluated.
    fn fail(&self, what: impl Into<String>) -> Error {
        let what = what.into();
        let Some(place) = &self.place else {
            return Error::new(format!("template: {}: {what}", self.name));
        };
        let before = &self.template.text[..place.at()];
        let line = 1 + before.matches('\n').count();
        let column = before
            .rfind('\n')
            .map_or(before.len(), |at| before.len() - at - 1);
        Error::new(format!(
            "template: {}:{line}:{column}: executing {} at <{place}>: {what}",
            self.template.name,
            quote(self.name),
        ))
    }
}
