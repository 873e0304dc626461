//! From tokens to nodes, by the rules of Go's `text/template/parse/parse.go`, with its sentences.

use std::collections::BTreeMap;
use std::mem;

use crate::error::Error;
use crate::function::Functions;
use crate::lex::{Kind, Token, tokens};
use crate::node::{Command, Control, ControlKind, Node, Operand, Pipe, Term};
use crate::number::Number;
use crate::quote;
use crate::quote::unquote;

/// So deep may actions and parentheses nest: the parser and the execution call themselves for each level.
const MAX_NESTING: usize = 200;

/// The pieces of a template, and of those it defines.
pub(crate) struct Parsed {
    pub(crate) root: Vec<Node>,
    pub(crate) defined: BTreeMap<String, Vec<Node>>,
}

/// Parses `text`; `name` is only for messages.
pub(crate) fn parse(name: &str, text: &str, functions: &Functions) -> Result<Parsed, Error> {
    let mut parser = Parser {
        name,
        functions,
        tokens: tokens(text),
        next: 0,
        line: 1,
        action_line: None,
        variables: vec!["$".to_owned()],
        range_depth: 0,
        nesting: 0,
        defined: BTreeMap::new(),
    };
    let root = parser.root()?;
    Ok(Parsed {
        root,
        defined: parser.defined,
    })
}

/// What a list of nodes ended with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    End,
    Else,
}

impl End {
    fn show(self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else => "{{else}}",
        }
    }
}

enum Item {
    Node(Node),
    End(End),
}

struct Parser<'a> {
    name: &'a str,
    functions: &'a Functions,
    tokens: Vec<Token>,
    next: usize,
    /// Line of the token looked at last.
    line: usize,
    /// Line on which the action being read begins.
    action_line: Option<usize>,
    /// Variables in scope.
    variables: Vec<String>,
    range_depth: usize,
    nesting: usize,
    defined: BTreeMap<String, Vec<Node>>,
}

type Result<T, E = Error> = std::result::Result<T, E>;

impl Parser<'_> {
    fn root(&mut self) -> Result<Vec<Node>> {
        let mut list = Vec::new();
        loop {
            let token = self.peek();
            if token.kind == Kind::Eof {
                return Ok(list);
            }
            if token.kind == Kind::LeftDelim {
                let start = self.next;
                self.token();
                if self.token_after_space().is("define") {
                    self.definition()?;
                    continue;
                }
                self.next = start;
            }
            match self.text_or_action()? {
                Item::Node(node) => list.push(node),
                Item::End(end) => return Err(self.complain(format!("unexpected {}", end.show()))),
            }
        }
    }

    fn definition(&mut self) -> Result<()> {
        const CONTEXT: &str = "define clause";
        let token = self.token_after_space();
        let name = self.template_name(&token, CONTEXT)?;
        self.expect(Kind::RightDelim, CONTEXT)?;
        let list = self.inner_template(CONTEXT)?;
        self.define(name, list)
    }

    /// The nodes of a template inside this one, which sees no variables of this one.
    fn inner_template(&mut self, context: &str) -> Result<Vec<Node>> {
        let variables = mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let range_depth = mem::take(&mut self.range_depth);
        let (list, end) = self.list()?;
        self.variables = variables;
        self.range_depth = range_depth;
        if end != End::End {
            return Err(self.complain(format!("unexpected {} in {context}", end.show())));
        }
        Ok(list)
    }

    /// An empty definition (nothing but white space) never replaces another.
    fn define(&mut self, name: String, list: Vec<Node>) -> Result<()> {
        let is_empty = |list: &[Node]| {
            list.iter()
                .all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
        };
        match self.defined.get(&name) {
            Some(known) if !is_empty(known) => {
                if !is_empty(&list) {
                    return Err(self.complain(format!(
                        "template: multiple definition of template {}",
                        quote(&name)
                    )));
                }
            }
            _ => {
                self.defined.insert(name, list);
            }
        }
        Ok(())
    }

    fn list(&mut self) -> Result<(Vec<Node>, End)> {
        self.nest()?;
        let mut list = Vec::new();
        while self.peek_after_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Item::Node(node) => list.push(node),
                Item::End(end) => {
                    self.nesting -= 1;
                    return Ok((list, end));
                }
            }
        }
        Err(self.complain("unexpected EOF"))
    }

    fn nest(&mut self) -> Result<()> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(self.complain(format!("exceeded maximum nesting ({MAX_NESTING})")));
        }
        Ok(())
    }

    fn text_or_action(&mut self) -> Result<Item> {
        let token = self.token_after_space();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.text))),
            Kind::LeftDelim => {
                self.action_line = Some(token.line);
                let item = self.action()?;
                self.action_line = None;
                Ok(item)
            }
            _ => Err(self.unexpected(&token, "input")),
        }
    }

    fn action(&mut self) -> Result<Item> {
        let start = self.next;
        let token = self.token_after_space();
        if token.kind == Kind::Keyword {
            let node = match token.text.as_str() {
                "if" => self.control(ControlKind::If)?,
                "with" => self.control(ControlKind::With)?,
                "range" => self.control(ControlKind::Range)?,
                "break" => self.leave("{{break}}", Node::Break)?,
                "continue" => self.leave("{{continue}}", Node::Continue)?,
                "template" => self.template()?,
                "block" => self.block()?,
                "end" => {
                    self.expect(Kind::RightDelim, "end")?;
                    return Ok(Item::End(End::End));
                }
                "else" => {
                    let after = self.peek_after_space();
                    // `else if` and `else with` are for whoever asked for the list.
                    if !after.is("if") && !after.is("with") {
                        self.expect(Kind::RightDelim, "else")?;
                    }
                    return Ok(Item::End(End::Else));
                }
                // `define` may stand at the top only.
                _ => return Err(self.unexpected(&token, "command")),
            };
            return Ok(Item::Node(node));
        }
        self.next = start;
        // Variables live until the next end.
        Ok(Item::Node(Node::Action(
            self.pipeline("command", Kind::RightDelim)?,
        )))
    }

    fn leave(&mut self, what: &str, node: Node) -> Result<Node> {
        let token = self.token_after_space();
        if token.kind != Kind::RightDelim {
            return Err(self.unexpected(&token, what));
        }
        if self.range_depth == 0 {
            return Err(self.complain(format!("{what} outside {{{{range}}}}")));
        }
        Ok(node)
    }

    fn control(&mut self, kind: ControlKind) -> Result<Node> {
        let scope = self.variables.len();
        let pipe = self.pipeline(kind.word(), Kind::RightDelim)?;
        self.range_depth += usize::from(kind == ControlKind::Range);
        let (list, end) = self.list()?;
        self.range_depth -= usize::from(kind == ControlKind::Range);
        let mut otherwise = None;
        if end == End::Else {
            if kind != ControlKind::Range && self.peek_after_space().is(kind.word()) {
                self.token_after_space();
                self.nest()?;
                otherwise = Some(vec![self.control(kind)?]);
                self.nesting -= 1;
            } else {
                let (nodes, end) = self.list()?;
                if end != End::End {
                    return Err(self.complain(format!("expected end; found {}", end.show())));
                }
                otherwise = Some(nodes);
            }
        }
        self.variables.truncate(scope);
        Ok(Node::Control(Box::new(Control {
            kind,
            pipe,
            list,
            otherwise,
        })))
    }

    fn template(&mut self) -> Result<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.token_after_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = if self.peek_after_space().kind == Kind::RightDelim {
            self.token_after_space();
            None
        } else {
            Some(self.pipeline(CONTEXT, Kind::RightDelim)?)
        };
        Ok(Node::Template {
            at: token.at,
            name,
            pipe,
        })
    }

    fn block(&mut self) -> Result<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.token_after_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        let list = self.inner_template(CONTEXT)?;
        self.define(name.clone(), list)?;
        Ok(Node::Template {
            at: token.at,
            name,
            pipe: Some(pipe),
        })
    }

    fn template_name(&mut self, token: &Token, context: &str) -> Result<String> {
        match token.kind {
            Kind::String | Kind::RawString => {
                unquote(&token.text).ok_or_else(|| self.complain("invalid syntax"))
            }
            _ => Err(self.unexpected(token, context)),
        }
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe> {
        self.nest()?;
        let at = self.peek_after_space().at;
        let mut pipe = Pipe {
            at,
            assigns: false,
            variables: Vec::new(),
            commands: Vec::new(),
        };
        self.declarations(&mut pipe, context)?;
        loop {
            let start = self.next;
            let token = self.token_after_space();
            match token.kind {
                kind if kind == end => {
                    self.check_pipeline(&pipe, context)?;
                    self.nesting -= 1;
                    return Ok(pipe);
                }
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.next = start;
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
                _ => return Err(self.unexpected(&token, context)),
            }
        }
    }

    /// `$x :=`, `$x =`, and for `range` `$i, $x :=`.
    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Result<()> {
        loop {
            let start = self.next;
            let variable = self.token_after_space();
            if variable.kind != Kind::Variable {
                self.next = start;
                return Ok(());
            }
            let next = self.token_after_space();
            match next.kind {
                Kind::Assign | Kind::Declare => {
                    pipe.assigns = next.kind == Kind::Assign;
                    pipe.variables.push(variable.text.clone());
                    self.variables.push(variable.text);
                    return Ok(());
                }
                Kind::Char if next.text == "," => {
                    pipe.variables.push(variable.text.clone());
                    self.variables.push(variable.text);
                    if context != "range" || pipe.variables.len() >= 2 {
                        return Err(self.complain(format!("too many declarations in {context}")));
                    }
                    let after = self.peek_after_space().kind;
                    if !matches!(after, Kind::Variable | Kind::RightDelim | Kind::RightParen) {
                        return Err(self.complain("range can only initialize variables"));
                    }
                }
                _ => {
                    self.next = start;
                    return Ok(());
                }
            }
        }
    }

    fn check_pipeline(&mut self, pipe: &Pipe, context: &str) -> Result<()> {
        if pipe.commands.is_empty() {
            return Err(self.complain(format!("missing value for {context}")));
        }
        for (at, command) in pipe.commands.iter().enumerate().skip(1) {
            let first = command.args.first().map(|operand| &operand.term);
            if let Some(Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(_) | Term::String { .. }) = first
            {
                return Err(self.complain(format!("non executable command in pipeline stage {}", at + 1)));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Command> {
        let mut args = Vec::new();
        loop {
            self.skip_space();
            if let Some(operand) = self.operand()? {
                args.push(operand);
            }
            let before = self.next;
            let token = self.token();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.next = before,
                Kind::Pipe => {}
                _ => return Err(self.unexpected(&token, "operand")),
            }
            break;
        }
        if args.is_empty() {
            return Err(self.complain("empty command"));
        }
        Ok(Command { args })
    }

    fn operand(&mut self) -> Result<Option<Operand>> {
        let Some(operand) = self.term()? else {
            return Ok(None);
        };
        let first = self.peek();
        if first.kind != Kind::Field {
            return Ok(Some(operand));
        }
        let mut names = Vec::new();
        while self.peek().kind == Kind::Field {
            names.push(self.token().text[1..].to_owned());
        }
        let at = first.at;
        let start = operand.start;
        let term = match operand.term {
            Term::Field(mut fields) => {
                fields.extend(names);
                Term::Field(fields)
            }
            Term::Variable(name, mut fields) => {
                fields.extend(names);
                Term::Variable(name, fields)
            }
            Term::Bool(_) | Term::String { .. } | Term::Number(_) | Term::Nil | Term::Dot => {
                return Err(self.complain(format!("unexpected . after term {}", quote(&operand.to_string()))));
            }
            _ => Term::Chain(Box::new(operand), names),
        };
        Ok(Some(Operand { at, start, term }))
    }

    fn term(&mut self) -> Result<Option<Operand>> {
        let start = self.next;
        let token = self.token_after_space();
        let term = match token.kind {
            Kind::Identifier => {
                if !self.functions.has(&token.text) {
                    return Err(self.complain(format!("function {} not defined", quote(&token.text))));
                }
                Term::Identifier(token.text)
            }
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Variable => {
                if !self.variables.contains(&token.text) {
                    return Err(self.complain(format!("undefined variable {}", quote(&token.text))));
                }
                Term::Variable(token.text, Vec::new())
            }
            Kind::Field => Term::Field(vec![token.text[1..].to_owned()]),
            Kind::Bool => Term::Bool(token.text == "true"),
            Kind::CharConstant => {
                Term::Number(Number::from_char(&token.text).map_err(|error| self.complain(error))?)
            }
            Kind::Complex | Kind::Number => {
                Term::Number(Number::parse(&token.text).map_err(|error| self.complain(error))?)
            }
            Kind::LeftParen => Term::Pipe(self.pipeline("parenthesized pipeline", Kind::RightParen)?),
            Kind::String | Kind::RawString => Term::String {
                value: unquote(&token.text).ok_or_else(|| self.complain("invalid syntax"))?,
                quoted: token.text,
            },
            _ => {
                self.next = start;
                return Ok(None);
            }
        };
        Ok(Some(Operand {
            at: token.at,
            start: token.at,
            term,
        }))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Result<()> {
        let token = self.token_after_space();
        if token.kind == kind {
            return Ok(());
        }
        Err(self.unexpected(&token, context))
    }

    fn unexpected(&mut self, token: &Token, context: &str) -> Error {
        if token.kind != Kind::Error {
            return self.complain(format!("unexpected {} in {context}", token.show()));
        }
        let extra = match self.action_line {
            Some(line) if line != token.line => {
                let action = if token.text.ends_with(" action") {
                    ""
                } else {
                    " in action"
                };
                format!("{action} started at {}:{line}", self.name)
            }
            _ => String::new(),
        };
        self.complain(format!("{}{extra}", token.text))
    }

    fn complain(&self, what: impl std::fmt::Display) -> Error {
        Error::new(format!("template: {}:{}: {what}", self.name, self.line))
    }

    fn peek(&mut self) -> Token {
        let at = self.next;
        let token = self.token();
        self.next = at;
        token
    }

    fn peek_after_space(&mut self) -> Token {
        self.skip_space();
        self.peek()
    }

    fn token_after_space(&mut self) -> Token {
        self.skip_space();
        self.token()
    }

    fn skip_space(&mut self) {
        while self
            .tokens
            .get(self.next)
            .is_some_and(|token| token.kind == Kind::Space)
        {
            self.next += 1;
        }
    }

    /// The next token. The last one (the end or an error) is never used up.
    fn token(&mut self) -> Token {
        let last = self.tokens.len().saturating_sub(1);
        let token = &self.tokens[self.next.min(last)];
        self.line = token.line;
        if self.next < last {
            self.next += 1;
        }
        token.clone()
    }
}
