//! The functions Docker adds to its templates (`templates` package of its command line).

use crate::function::{Function, Functions, Param};
use crate::json::write_value;
use crate::print::bounded;
use crate::template::MAX_OUTPUT;
use crate::value::Value;

/// Adds them all.
pub(crate) fn add(functions: &mut Functions) {
    const TEXT: &[Param] = &[Param::Text];
    let text =
        |body: fn(&str) -> String| Function::new(TEXT, move |args| Ok(Value::text(body(&at(args, 0)))));
    functions.add(
        "json",
        Function::new(&[Param::Any], |args| {
            let mut out = String::new();
            write_value(&mut out, &args[0], false);
            bounded(&out)?;
            Ok(Value::text(out))
        }),
    );
    functions.add(
        "split",
        Function::new(&[Param::Text, Param::Text], |args| {
            let (text, separator) = (at(args, 0), at(args, 1));
            if separator.is_empty() {
                return Ok(Value::texts(text.chars().map(String::from)));
            }
            Ok(Value::texts(text.split(separator.as_str())))
        }),
    );
    functions.add(
        "join",
        Function::new(&[Param::Texts, Param::Text], |args| {
            let Value::List(list) = &args[0] else {
                return Ok(Value::text(""));
            };
            let separator = at(args, 1);
            let mut out = String::new();
            for (number, item) in list.items.iter().enumerate() {
                if number > 0 {
                    out.push_str(&separator);
                }
                out.push_str(&at(std::slice::from_ref(item), 0));
                bounded(&out)?;
            }
            Ok(Value::text(out))
        }),
    );
    functions.add("title", text(title));
    functions.add("lower", text(str::to_lowercase));
    functions.add("upper", text(str::to_uppercase));
    functions.add(
        "pad",
        Function::new(&[Param::Text, Param::Int, Param::Int], |args| {
            let source = at(args, 0);
            if source.is_empty() {
                return Ok(Value::text(""));
            }
            let spaces = |value: &Value| match value {
                Value::Int(count) if *count < 0 => Err("strings: negative Repeat count".to_owned()),
                Value::Int(count) => match usize::try_from(*count) {
                    Ok(count) if count <= MAX_OUTPUT => Ok(" ".repeat(count)),
                    _ => Err("strings: Repeat output length overflow".to_owned()),
                },
                _ => Ok(String::new()),
            };
            Ok(Value::text(format!(
                "{}{source}{}",
                spaces(&args[1])?,
                spaces(&args[2])?
            )))
        }),
    );
    functions.add(
        "truncate",
        Function::new(&[Param::Text, Param::Int], |args| {
            let source = at(args, 0);
            let Value::Int(length) = args[1] else {
                return Ok(args[0].clone());
            };
            match usize::try_from(length) {
                Ok(length) if source.len() > length => {
                    Ok(Value::text(String::from_utf8_lossy(&source.as_bytes()[..length])))
                }
                Ok(_) => Ok(args[0].clone()),
                Err(_) => Err(format!("runtime error: slice bounds out of range [:{length}]")),
            }
        }),
    );
}

/// A table's titles are to stay as they are; only `pad` still does its work, so that they stand over their columns.
pub(crate) fn add_for_titles(functions: &mut Functions) {
    let first = |params| Function::new(params, |args| Ok(args[0].clone()));
    for name in ["json", "title", "lower", "upper"] {
        functions.add(name, first(&[Param::Text]));
    }
    for name in ["split", "join"] {
        functions.add(name, first(&[Param::Text, Param::Text]));
    }
    functions.add("truncate", first(&[Param::Text, Param::Int]));
}

/// The text of an argument.
fn at(args: &[Value], number: usize) -> String {
    match args.get(number) {
        Some(Value::Text(text)) => text.to_string(),
        _ => String::new(),
    }
}

/// The first letter of each word in upper case.
fn title(text: &str) -> String {
    let mut before = ' ';
    text.chars()
        .map(|c| {
            let is_start = if before.is_ascii() {
                !before.is_ascii_alphanumeric() && before != '_'
            } else {
                !before.is_alphanumeric() && before.is_whitespace()
            };
            before = c;
            match c.to_uppercase().next() {
                Some(upper) if is_start => upper,
                _ => c,
            }
        })
        .collect()
}
