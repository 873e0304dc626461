//! Cuts a template into tokens, by the rules of Go's `text/template/parse/lex.go`.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The value is the complaint.
    Error,
    Bool,
    /// A single character that is none of the others, such as a comma.
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    /// With its dot.
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    /// With its dollar.
    Variable,
    Dot,
    Nil,
    /// One of the words that control; the value says which.
    Keyword,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// Offset in the text.
    pub(crate) at: usize,
    /// Line, from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Token {
    /// Whether this is the control word `word`.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Keyword && self.text == word
    }

    /// The token as messages show it.
    pub(crate) fn show(&self) -> String {
        match self.kind {
            Kind::Eof => "EOF".to_owned(),
            Kind::Error => self.text.clone(),
            Kind::Keyword | Kind::Dot if self.text != "." => format!("<{}>", self.text),
            Kind::Nil | Kind::Dot => format!("<{}>", self.text),
            // Go counts bytes to decide and characters to cut.
            _ if self.text.len() > 10 => {
                let head: String = self.text.chars().take(10).collect();
                format!("{}...", crate::quote(&head))
            }
            _ => crate::quote(&self.text),
        }
    }
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const COMMENT_LEFT: &str = "/*";
const COMMENT_RIGHT: &str = "*/";
/// A trim marker is a minus and a space.
const MARKER: usize = 2;
const KEYWORDS: [&str; 10] = [
    "block", "break", "continue", "define", "else", "end", "if", "range", "template", "with",
];

/// Cuts `text` as far as it can be understood; the last token is the end or an error.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        text,
        start: 0,
        at: 0,
        line: 1,
        start_line: 1,
        parens: 0,
        tokens: Vec::new(),
    };
    let result = lexer.run();
    if let Err(complaint) = result {
        lexer.tokens.push(Token {
            kind: Kind::Error,
            at: lexer.start,
            line: lexer.start_line,
            text: complaint,
        });
    }
    lexer.tokens
}

struct Lexer<'a> {
    text: &'a str,
    /// Where the token being read begins.
    start: usize,
    at: usize,
    line: usize,
    start_line: usize,
    parens: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn run(&mut self) -> Result<(), String> {
        loop {
            let Some(found) = self.text[self.at..].find(LEFT) else {
                self.at = self.text.len();
                self.line += count_lines(&self.text[self.start..]);
                if self.at > self.start {
                    self.emit(Kind::Text);
                }
                self.emit(Kind::Eof);
                return Ok(());
            };
            if found > 0 {
                self.at += found;
                let all = &self.text[self.start..self.at];
                self.line += count_lines(all);
                let kept = if has_left_marker(&self.text[self.at + LEFT.len()..]) {
                    all.trim_end_matches(is_space)
                } else {
                    all
                };
                if !kept.is_empty() {
                    self.tokens.push(Token {
                        kind: Kind::Text,
                        at: self.start,
                        line: self.start_line,
                        text: kept.to_owned(),
                    });
                }
                self.ignore();
            }
            self.left_delimiter()?;
        }
    }

    fn left_delimiter(&mut self) -> Result<(), String> {
        self.at += LEFT.len();
        let marker = if has_left_marker(self.rest()) { MARKER } else { 0 };
        if self.rest()[marker..].starts_with(COMMENT_LEFT) {
            self.at += marker;
            self.ignore();
            return self.comment();
        }
        self.emit(Kind::LeftDelim);
        self.at += marker;
        // The marker's space may be a line break.
        self.line += count_lines(&self.text[self.start..self.at]);
        self.ignore();
        self.parens = 0;
        self.action()
    }

    fn comment(&mut self) -> Result<(), String> {
        self.at += COMMENT_LEFT.len();
        let end = self.rest().find(COMMENT_RIGHT).ok_or("unclosed comment")?;
        self.at += end + COMMENT_RIGHT.len();
        let trims = self
            .right_delimiter()
            .ok_or("comment ends before closing delimiter")?;
        self.close(trims);
        Ok(())
    }

    /// Goes past the closing delimiter and what its marker trims.
    fn close(&mut self, trims: bool) {
        if trims {
            self.at += MARKER;
        }
        self.at += RIGHT.len();
        if trims {
            self.at += self.rest().len() - self.rest().trim_start_matches(is_space).len();
        }
        self.line += count_lines(&self.text[self.start..self.at]);
        self.ignore();
    }

    /// Whether here is a closing delimiter, and if so whether with a marker.
    fn right_delimiter(&self) -> Option<bool> {
        if has_right_marker(self.rest()) && self.rest()[MARKER..].starts_with(RIGHT) {
            return Some(true);
        }
        self.rest().starts_with(RIGHT).then_some(false)
    }

    /// Reads tokens up to and with the closing delimiter.
    fn action(&mut self) -> Result<(), String> {
        loop {
            if let Some(trims) = self.right_delimiter() {
                if self.parens > 0 {
                    return Err("unclosed left paren".to_owned());
                }
                self.tokens.push(Token {
                    kind: Kind::RightDelim,
                    at: self.at + if trims { MARKER } else { 0 },
                    line: self.line,
                    text: RIGHT.to_owned(),
                });
                self.close(trims);
                return Ok(());
            }
            let Some(c) = self.next() else {
                return Err("unclosed action".to_owned());
            };
            match c {
                c if is_space(c) => self.spaces(),
                '=' => self.emit(Kind::Assign),
                ':' => {
                    if self.next() != Some('=') {
                        return Err("expected :=".to_owned());
                    }
                    self.emit(Kind::Declare);
                }
                '|' => self.emit(Kind::Pipe),
                '"' => self.quoted('"', Kind::String, "unterminated quoted string")?,
                '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant")?,
                '`' => {
                    let end = self.rest().find('`').ok_or("unterminated raw quoted string")?;
                    self.at += end + 1;
                    self.line += count_lines(&self.text[self.start..self.at]);
                    self.emit(Kind::RawString);
                }
                '$' => self.field(Kind::Variable)?,
                '.' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => self.field(Kind::Dot)?,
                '.' | '+' | '-' | '0'..='9' => {
                    self.at = self.start;
                    self.number()?;
                }
                c if is_word(c) => self.word()?,
                '(' => {
                    self.parens += 1;
                    self.emit(Kind::LeftParen);
                }
                ')' => {
                    let Some(parens) = self.parens.checked_sub(1) else {
                        return Err("unexpected right paren".to_owned());
                    };
                    self.parens = parens;
                    self.emit(Kind::RightParen);
                }
                c if c.is_ascii_graphic() => self.emit(Kind::Char),
                c => return Err(format!("unrecognized character in action: {}", name(Some(c)))),
            }
        }
    }

    /// White space, but not the one that belongs to the marker of the closing delimiter.
    fn spaces(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.next();
        }
        let last = &self.text[self.at - 1..];
        if has_right_marker(last) && last[MARKER..].starts_with(RIGHT) {
            self.at -= 1;
            if self.at == self.start {
                return;
            }
        }
        self.line += count_lines(&self.text[self.start..self.at]);
        self.emit(Kind::Space);
    }

    fn word(&mut self) -> Result<(), String> {
        self.skip_word()?;
        let word = &self.text[self.start..self.at];
        let kind = match word {
            "true" | "false" => Kind::Bool,
            "nil" => Kind::Nil,
            word if KEYWORDS.contains(&word) => Kind::Keyword,
            _ => Kind::Identifier,
        };
        self.emit(kind);
        Ok(())
    }

    /// A field or a variable, or their sign alone.
    fn field(&mut self, alone: Kind) -> Result<(), String> {
        if self.at_terminator() {
            self.emit(alone);
            return Ok(());
        }
        self.skip_word()?;
        self.emit(if alone == Kind::Dot { Kind::Field } else { alone });
        Ok(())
    }

    fn skip_word(&mut self) -> Result<(), String> {
        while self.peek().is_some_and(is_word) {
            self.next();
        }
        if self.at_terminator() {
            return Ok(());
        }
        Err(format!("bad character {}", name(self.peek())))
    }

    /// Whether a word may end here.
    fn at_terminator(&self) -> bool {
        match self.peek() {
            None => true,
            Some(c) if is_space(c) => true,
            Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            _ => self.rest().starts_with(RIGHT),
        }
    }

    fn quoted(&mut self, end: char, kind: Kind, complaint: &str) -> Result<(), String> {
        loop {
            match self.next() {
                Some('\\') if self.peek().is_some_and(|c| c != '\n') => {
                    self.next();
                }
                Some(c) if c == end => {
                    self.emit(kind);
                    return Ok(());
                }
                None | Some('\n' | '\\') => return Err(complaint.to_owned()),
                Some(_) => {}
            }
        }
    }

    fn number(&mut self) -> Result<(), String> {
        let bad = |lexer: &Self| {
            format!(
                "bad number syntax: {}",
                crate::quote(&lexer.text[lexer.start..lexer.at])
            )
        };
        if !self.scan_number() {
            return Err(bad(self));
        }
        if matches!(self.peek(), Some('+' | '-')) {
            if !self.scan_number() || !self.text[..self.at].ends_with('i') {
                return Err(bad(self));
            }
            self.emit(Kind::Complex);
        } else {
            self.emit(Kind::Number);
        }
        Ok(())
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_all(digits);
        if self.accept(".") {
            self.accept_all(digits);
        }
        let exponent = match digits.len() {
            11 => "eE",
            23 => "pP",
            _ => "",
        };
        if self.accept(exponent) {
            self.accept("+-");
            self.accept_all("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_word) {
            self.next();
            return false;
        }
        true
    }

    fn accept(&mut self, set: &str) -> bool {
        let here = self.peek().is_some_and(|c| set.contains(c));
        if here {
            self.next();
        }
        here
    }

    fn accept_all(&mut self, set: &str) {
        while self.accept(set) {}
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn emit(&mut self, kind: Kind) {
        self.tokens.push(Token {
            kind,
            at: self.start,
            line: self.start_line,
            text: self.text[self.start..self.at].to_owned(),
        });
        self.ignore();
    }

    fn ignore(&mut self) {
        self.start = self.at;
        self.start_line = self.line;
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn has_left_marker(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= MARKER && bytes[0] == b'-' && is_space(char::from(bytes[1]))
}

fn has_right_marker(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= MARKER && is_space(char::from(bytes[0])) && bytes[1] == b'-'
}

fn count_lines(text: &str) -> usize {
    text.bytes().filter(|b| *b == b'\n').count()
}

/// A character as Go's `%#U` shows it; the end is -1 there.
fn name(c: Option<char>) -> String {
    match c {
        None => "U+FFFFFFFFFFFFFFFF".to_owned(),
        Some(c) if crate::quote::is_print(c) => format!("U+{:04X} '{c}'", u32::from(c)),
        Some(c) => format!("U+{:04X}", u32::from(c)),
    }
}
