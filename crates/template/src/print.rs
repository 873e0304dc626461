//! Values as Go's `fmt` prints them with `%v` and its kin, and what `print` and `println` do.

use crate::float;
use crate::quote::{quote, quote_with};
use crate::template::MAX_OUTPUT;
use crate::value::Value;

/// The flags of a verb.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spec {
    pub(crate) minus: bool,
    pub(crate) plus: bool,
    /// `%+v`: with the names of fields.
    pub(crate) named: bool,
    pub(crate) sharp: bool,
    pub(crate) space: bool,
    pub(crate) zero: bool,
    pub(crate) width: Option<usize>,
    pub(crate) precision: Option<usize>,
}

/// Prints one argument by a verb.
pub(crate) fn verb(out: &mut String, value: &Value, verb: char, spec: Spec) {
    let mut spec = spec;
    if verb == 'v' && spec.plus {
        (spec.plus, spec.named) = (false, true);
    }
    match (verb, value) {
        ('T', value) => pad(out, &value.type_name(), spec),
        ('v', Value::Missing) => pad(out, "<nil>", spec),
        (verb, Value::Missing) => out.push_str(&format!("%!{verb}(<nil>)")),
        _ => show(out, value, verb, spec, 0),
    }
}

/// `%v`.
pub(crate) fn plain(value: &Value) -> String {
    let mut out = String::new();
    verb(&mut out, value, 'v', Spec::default());
    out
}

/// What `{{value}}` prints.
pub(crate) fn printable(value: &Value) -> String {
    match value {
        Value::Missing => "<no value>".to_owned(),
        Value::Pointer(..) => plain(&value.indirect().0),
        _ => plain(value),
    }
}

/// `fmt.Sprint`: spaces between arguments of which neither is a text.
pub(crate) fn print(args: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let mut after_text = true;
    for (at, arg) in args.iter().enumerate() {
        let is_text = matches!(arg, Value::Text(_) | Value::Number(_));
        if at > 0 && !is_text && !after_text {
            out.push(' ');
        }
        verb(&mut out, arg, 'v', Spec::default());
        bounded(&out)?;
        after_text = is_text;
    }
    Ok(out)
}

/// `fmt.Sprintln`: spaces between all arguments, and a line break.
pub(crate) fn println(args: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    for (at, arg) in args.iter().enumerate() {
        if at > 0 {
            out.push(' ');
        }
        verb(&mut out, arg, 'v', Spec::default());
        bounded(&out)?;
    }
    out.push('\n');
    Ok(out)
}

/// Refuses what no template needs and no machine has room for.
pub(crate) fn bounded(text: &str) -> Result<(), String> {
    if text.len() > MAX_OUTPUT {
        return Err(format!("output is longer than {MAX_OUTPUT} bytes"));
    }
    Ok(())
}

fn show(out: &mut String, value: &Value, verb: char, spec: Spec, depth: usize) {
    match value {
        Value::Missing => out.push_str("<nil>"),
        Value::Any(inner) => show(out, inner, verb, spec, depth),
        Value::Pointer(None, _) if verb == 'v' => {
            if spec.sharp {
                out.push_str(&format!("({})(nil)", value.type_name()));
            } else {
                pad(out, "<nil>", spec);
            }
        }
        Value::Pointer(None, _) => out.push_str(&format!("%!{verb}({}=<nil>)", value.type_name())),
        Value::Pointer(Some(inner), _) => {
            let of = inner.indirect().0;
            if depth == 0 && matches!(of, Value::Struct(_) | Value::Map(_) | Value::List(_)) {
                out.push('&');
            }
            show(out, &of, verb, spec, depth + 1);
        }
        Value::Bool(truth) => match verb {
            't' | 'v' => pad(out, if *truth { "true" } else { "false" }, spec),
            _ => bad(out, value, verb),
        },
        Value::Int(number) => show_int(out, value, *number, verb, spec),
        Value::Float(number) => show_float(out, value, *number, verb, spec),
        Value::Text(text) | Value::Number(text) => show_text(out, value, text, verb, spec),
        Value::Shown(one) => show_text(out, value, &one.text, verb, spec),
        Value::List(list) => {
            let (open, between, close) = if spec.sharp && verb == 'v' {
                out.push_str(&value.type_name());
                if list.is_nil {
                    return out.push_str("(nil)");
                }
                ("{", ", ", "}")
            } else {
                ("[", " ", "]")
            };
            out.push_str(open);
            for (at, item) in list.items.iter().enumerate() {
                if at > 0 {
                    out.push_str(between);
                }
                show(out, item, verb, spec, depth + 1);
            }
            out.push_str(close);
        }
        Value::Map(map) => {
            let (open, between, close) = if spec.sharp && verb == 'v' {
                out.push_str(&value.type_name());
                if map.is_nil {
                    return out.push_str("(nil)");
                }
                ("{", ", ", "}")
            } else {
                ("map[", " ", "]")
            };
            out.push_str(open);
            for (at, (key, item)) in map.entries.iter().enumerate() {
                if at > 0 {
                    out.push_str(between);
                }
                show(out, &Value::Text(key.clone()), verb, spec, depth + 1);
                out.push(':');
                show(out, item, verb, spec, depth + 1);
            }
            out.push_str(close);
        }
        Value::Struct(one) => {
            let go_syntax = spec.sharp && verb == 'v';
            let named = go_syntax || spec.named;
            if go_syntax {
                out.push_str(one.name);
            }
            out.push('{');
            for (at, (name, field)) in one.fields.iter().enumerate() {
                if at > 0 {
                    out.push_str(if go_syntax { ", " } else { " " });
                }
                if named {
                    out.push_str(name);
                    out.push(':');
                }
                show(out, field, verb, spec, depth + 1);
            }
            out.push('}');
        }
    }
}

fn bad(out: &mut String, value: &Value, verb: char) {
    out.push_str(&format!("%!{verb}({}={})", value.type_name(), plain(value)));
}

fn show_text(out: &mut String, value: &Value, text: &str, verb: char, spec: Spec) {
    let cut = |text: &str| match spec.precision {
        Some(count) => text.chars().take(count).collect(),
        None => text.to_owned(),
    };
    match verb {
        'v' if spec.sharp => pad(out, &quote(text), spec),
        'v' | 's' => pad(out, &cut(text), spec),
        'q' => {
            let text = cut(text);
            let raw = spec.sharp && !text.contains(|c: char| c == '`' || (c.is_control() && c != '\t'));
            let quoted = if raw {
                format!("`{text}`")
            } else {
                quote_with(&text, '"', spec.plus)
            };
            pad(out, &quoted, spec);
        }
        'x' | 'X' => {
            let count = spec.precision.unwrap_or(text.len()).min(text.len());
            let mut hex = String::new();
            for (at, byte) in text.as_bytes()[..count].iter().enumerate() {
                if at > 0 && spec.space {
                    hex.push(' ');
                }
                if spec.sharp && (at == 0 || spec.space) {
                    hex.push_str("0x");
                }
                hex.push_str(&format!("{byte:02x}"));
            }
            pad(out, &cased(hex, verb), spec);
        }
        _ => bad(out, value, verb),
    }
}

fn cased(text: String, verb: char) -> String {
    if verb == 'X' { text.to_uppercase() } else { text }
}

fn show_int(out: &mut String, value: &Value, number: i128, verb: char, spec: Spec) {
    let (digits, prefix) = match verb {
        'v' | 'd' => (number.unsigned_abs().to_string(), ""),
        'b' => (format!("{:b}", number.unsigned_abs()), "0b"),
        'o' => (format!("{:o}", number.unsigned_abs()), "0"),
        'O' => (format!("{:o}", number.unsigned_abs()), "0o"),
        'x' => (format!("{:x}", number.unsigned_abs()), "0x"),
        'X' => (format!("{:X}", number.unsigned_abs()), "0X"),
        'c' | 'q' => {
            let c = u32::try_from(number)
                .ok()
                .and_then(char::from_u32)
                .unwrap_or(char::REPLACEMENT_CHARACTER);
            let text = if verb == 'c' {
                c.to_string()
            } else {
                quote_with(&c.to_string(), '\'', spec.plus)
            };
            return pad(out, &text, spec);
        }
        'U' => {
            let mut text = format!("U+{number:04X}");
            if let Some(c) = u32::try_from(number)
                .ok()
                .and_then(char::from_u32)
                .filter(|c| spec.sharp && crate::quote::is_print(*c))
            {
                text.push_str(&format!(" '{c}'"));
            }
            return pad(out, &text, spec);
        }
        _ => return bad(out, value, verb),
    };
    let sign = sign(number < 0, spec);
    let with_prefix = (spec.sharp && verb != 'v') || verb == 'O';
    let prefix = if with_prefix { prefix } else { "" };
    let least = match (spec.precision, spec.width) {
        (Some(0), _) if number == 0 => return pad(out, "", Spec { zero: false, ..spec }),
        (Some(precision), _) => precision,
        (None, Some(width)) if spec.zero && !spec.minus => width.saturating_sub(sign.len()),
        _ => 0,
    };
    let text = format!("{sign}{prefix}{digits:0>least$}");
    pad(out, &text, Spec { zero: false, ..spec });
}

fn show_float(out: &mut String, value: &Value, number: f64, verb: char, spec: Spec) {
    let text = match verb {
        'v' => float::format(number, 'g', spec.precision),
        'g' | 'G' => float::format(number, verb, spec.precision),
        'e' | 'E' | 'f' | 'F' => float::format(number, verb, Some(spec.precision.unwrap_or(6))),
        _ => return bad(out, value, verb),
    };
    let negative = text.starts_with('-');
    let digits = text.trim_start_matches(['-', '+']);
    let sign = if text.starts_with('+') && spec.plus {
        "+"
    } else {
        sign(negative, spec)
    };
    // Go shows the sign of a positive infinity.
    let sign = if text == "+Inf" { "+" } else { sign };
    match spec.width {
        Some(width) if spec.zero && !spec.minus && number.is_finite() => {
            let width = width.saturating_sub(sign.len());
            out.push_str(&format!("{sign}{digits:0>width$}"));
        }
        _ => pad(out, &format!("{sign}{digits}"), Spec { zero: false, ..spec }),
    }
}

fn sign(negative: bool, spec: Spec) -> &'static str {
    match (negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    }
}

/// As wide as asked for, in characters.
fn pad(out: &mut String, text: &str, spec: Spec) {
    let gap = spec.width.unwrap_or(0).saturating_sub(text.chars().count());
    if spec.minus {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', gap));
    } else {
        let filler = if spec.zero { '0' } else { ' ' };
        out.extend(std::iter::repeat_n(filler, gap));
        out.push_str(text);
    }
}
