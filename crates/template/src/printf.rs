//! `printf`: Go's formats with their flags, widths, argument numbers, and complaints inside the text.

use crate::print::{Spec, bounded, plain, verb};
use crate::value::Value;

/// Wider or more precise than this Go refuses.
const MAX_NUMBER: usize = 1_000_000;

/// `fmt.Sprintf`.
pub(crate) fn printf(format: &str, args: &[Value]) -> Result<String, String> {
    let mut printer = Printer {
        rest: format,
        args,
        next: 0,
        reordered: false,
        out: String::new(),
    };
    printer.run()?;
    Ok(printer.out)
}

struct Printer<'a> {
    rest: &'a str,
    args: &'a [Value],
    next: usize,
    /// Whether an argument was asked for by number.
    reordered: bool,
    out: String,
}

impl Printer<'_> {
    fn run(&mut self) -> Result<(), String> {
        while let Some(at) = self.rest.find('%') {
            self.out.push_str(&self.rest[..at]);
            self.rest = &self.rest[at + 1..];
            self.directive();
            bounded(&self.out)?;
        }
        self.out.push_str(self.rest);
        if !self.reordered && self.next < self.args.len() {
            let extra: Vec<_> = self.args[self.next..]
                .iter()
                .map(|arg| match arg {
                    Value::Missing => "<nil>".to_owned(),
                    arg => format!("{}={}", arg.type_name(), plain(arg)),
                })
                .collect();
            self.out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
        }
        bounded(&self.out)
    }

    fn directive(&mut self) {
        let mut spec = Spec::default();
        while let Some(c) = self.rest.chars().next() {
            match c {
                '#' => spec.sharp = true,
                '0' => spec.zero = true,
                '+' => spec.plus = true,
                '-' => spec.minus = true,
                ' ' => spec.space = true,
                _ => break,
            }
            self.rest = &self.rest[1..];
        }
        let mut good_index = true;
        let mut after_index = self.index(&mut good_index);
        if self.take('*') {
            match self.star() {
                Some(width) => {
                    spec.minus |= width < 0;
                    spec.width = usize::try_from(width.unsigned_abs()).ok();
                }
                None => self.out.push_str("%!(BADWIDTH)"),
            }
            after_index = false;
        } else {
            spec.width = self.number();
            if after_index && spec.width.is_some() {
                good_index = false;
            }
        }
        if self.take('.') {
            if after_index {
                good_index = false;
            }
            after_index = self.index(&mut good_index);
            if self.take('*') {
                match self.star().and_then(|value| usize::try_from(value).ok()) {
                    Some(precision) => spec.precision = Some(precision),
                    None => self.out.push_str("%!(BADPREC)"),
                }
                after_index = false;
            } else {
                spec.precision = Some(self.number().unwrap_or(0));
            }
        }
        if !after_index {
            self.index(&mut good_index);
        }
        spec.zero &= !spec.minus;
        let mut chars = self.rest.chars();
        let Some(letter) = chars.next() else {
            self.out.push_str("%!(NOVERB)");
            return;
        };
        self.rest = chars.as_str();
        match (letter, self.args.get(self.next)) {
            ('%', _) => self.out.push('%'),
            _ if !good_index => self.out.push_str(&format!("%!{letter}(BADINDEX)")),
            (_, None) => self.out.push_str(&format!("%!{letter}(MISSING)")),
            (_, Some(arg)) => {
                self.next += 1;
                verb(&mut self.out, arg, letter, spec);
            }
        }
    }

    /// Reads `[n]`: the number of the argument to go on with.
    fn index(&mut self, good: &mut bool) -> bool {
        if !self.rest.starts_with('[') {
            return false;
        }
        self.reordered = true;
        let Some(end) = self.rest.find(']') else {
            *good = false;
            self.rest = &self.rest[1..];
            return false;
        };
        let number: Option<usize> = self.rest[1..end].parse().ok();
        self.rest = &self.rest[end + 1..];
        match number {
            Some(number) if (1..=self.args.len()).contains(&number) => {
                self.next = number - 1;
                true
            }
            _ => {
                *good = false;
                true
            }
        }
    }

    /// An argument as width or precision.
    fn star(&mut self) -> Option<i128> {
        let arg = self.args.get(self.next)?;
        self.next += 1;
        match arg {
            Value::Int(value) if value.unsigned_abs() <= MAX_NUMBER as u128 => Some(*value),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<usize> {
        let digits = self.rest.len() - self.rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            return None;
        }
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        // Go ignores what is too large.
        number.parse().ok().filter(|number| *number <= MAX_NUMBER)
    }

    fn take(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}
