//! The functions Go's templates have by themselves.

use std::sync::Arc;

use crate::compare::{eq, le, lt};
use crate::function::{Function, Functions, Param};
use crate::print;
use crate::printf::printf;
use crate::value::{List, Value};

/// Adds them all.
pub(crate) fn add(functions: &mut Functions) {
    const ONE: &[Param] = &[Param::Value];
    const TWO: &[Param] = &[Param::Value, Param::Value];
    let truth = |result: Result<bool, String>| result.map(Value::Bool);
    let text = |result: Result<String, String>| result.map(Value::text);
    // What they do is in the execution, which must not evaluate all arguments.
    let never = |_: &[Value]| Err("short-circuits".to_owned());
    functions.add(
        "and",
        Function::new(ONE, never)
            .variadic(Param::Value)
            .stopping_at(false),
    );
    functions.add(
        "or",
        Function::new(ONE, never).variadic(Param::Value).stopping_at(true),
    );
    functions.add("call", Function::new(ONE, call).variadic(Param::Value));
    functions.add(
        "eq",
        Function::new(ONE, move |args| truth(eq(args))).variadic(Param::Value),
    );
    functions.add(
        "ne",
        Function::new(TWO, move |args| truth(eq(args).map(|same| !same))),
    );
    functions.add("lt", Function::new(TWO, move |args| truth(lt(args))));
    functions.add("le", Function::new(TWO, move |args| truth(le(args))));
    functions.add(
        "gt",
        Function::new(TWO, move |args| truth(le(args).map(|le| !le))),
    );
    functions.add(
        "ge",
        Function::new(TWO, move |args| truth(lt(args).map(|lt| !lt))),
    );
    functions.add(
        "not",
        Function::new(ONE, |args| Ok(Value::Bool(!args.iter().any(Value::truth)))),
    );
    functions.add("len", Function::new(ONE, |args| len(&args[0])));
    functions.add("index", Function::new(ONE, index).variadic(Param::Value));
    functions.add("slice", Function::new(ONE, slice).variadic(Param::Value));
    let any = |body: fn(&[Value]) -> Result<String, String>| {
        Function::new(&[], move |args| text(body(args))).variadic(Param::Any)
    };
    functions.add("print", any(print::print));
    functions.add("println", any(print::println));
    functions.add("html", any(|args| Ok(html(&joined(args)?))));
    functions.add("js", any(|args| Ok(js(&joined(args)?))));
    functions.add("urlquery", any(|args| Ok(urlquery(&joined(args)?))));
    functions.add(
        "printf",
        Function::new(&[Param::Text], move |args| match args {
            [Value::Text(format), args @ ..] => text(printf(format, args)),
            _ => Err("no format".to_owned()),
        })
        .variadic(Param::Any),
    );
}

/// Data has no functions in it.
fn call(args: &[Value]) -> Result<Value, String> {
    match args[0].indirect().0 {
        Value::Missing => Err("call of nil".to_owned()),
        other => Err(format!(
            "non-function {} of type {}",
            print::plain(&other),
            other.type_name()
        )),
    }
}

fn len(value: &Value) -> Result<Value, String> {
    let (value, is_nil) = value.indirect();
    if is_nil {
        return Err("len of nil pointer".to_owned());
    }
    let len = match &value {
        Value::Text(text) | Value::Number(text) => text.len(),
        Value::List(list) => list.items.len(),
        Value::Map(map) => map.entries.len(),
        Value::Missing => return Err("reflect: call of reflect.Value.Type on zero Value".to_owned()),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(len as i128))
}

/// `index x 1 "a"` is `x[1]["a"]`.
fn index(args: &[Value]) -> Result<Value, String> {
    let mut item = args[0].clone().unboxed();
    if matches!(item, Value::Missing) {
        return Err("index of untyped nil".to_owned());
    }
    for key in &args[1..] {
        let key = key.clone().unboxed();
        let (inner, is_nil) = item.indirect();
        if is_nil || matches!(inner, Value::Missing) {
            return Err("index of nil pointer".to_owned());
        }
        item = match &inner {
            Value::List(list) => {
                let at = position(&key, list.items.len())?;
                list.item(at).ok_or("reflect: slice index out of range")?
            }
            Value::Text(text) | Value::Number(text) => {
                let at = position(&key, text.len())?;
                let byte = text
                    .as_bytes()
                    .get(at)
                    .ok_or("reflect: string index out of range")?;
                Value::Int(i128::from(*byte))
            }
            Value::Map(map) => match &key {
                Value::Text(name) if map.key == "string" => {
                    map.get(name).unwrap_or_else(|| map.element.zero())
                }
                Value::Missing => return Err(format!("value is nil; should be of type {}", map.key)),
                other => {
                    return Err(format!(
                        "value has type {}; should be {}",
                        other.type_name(),
                        map.key
                    ));
                }
            },
            other => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(item)
}

fn position(key: &Value, len: usize) -> Result<usize, String> {
    match key {
        Value::Int(at) => match usize::try_from(*at) {
            Ok(at) if at <= len => Ok(at),
            _ => Err(format!("index out of range: {at}")),
        },
        Value::Missing => Err("cannot index slice/array with nil".to_owned()),
        other => Err(format!(
            "cannot index slice/array with type {}",
            other.type_name()
        )),
    }
}

/// `slice x 1 2` is `x[1:2]`.
fn slice(args: &[Value]) -> Result<Value, String> {
    let item = args[0].clone().unboxed();
    let indexes = &args[1..];
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()));
    }
    let len = match &item {
        Value::Missing => return Err("slice of untyped nil".to_owned()),
        Value::Text(_) | Value::Number(_) if indexes.len() == 3 => {
            return Err("cannot 3-index slice a string".to_owned());
        }
        Value::Text(text) | Value::Number(text) => text.len(),
        Value::List(list) => list.items.len(),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    let mut bounds = [0, len, len];
    for (at, index) in indexes.iter().enumerate() {
        bounds[at] = position(&index.clone().unboxed(), len)?;
    }
    let [from, to, end] = bounds;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    if to > end {
        return Err(format!("invalid slice index: {to} > {end}"));
    }
    Ok(match &item {
        Value::List(list) => Value::List(Arc::new(List {
            element: list.element,
            is_nil: list.is_nil,
            items: list.items[from..to].to_vec(),
        })),
        // A cut through a character shows as Go's terminal would show it.
        Value::Text(text) | Value::Number(text) => {
            Value::text(String::from_utf8_lossy(&text.as_bytes()[from..to]))
        }
        other => other.clone(),
    })
}

/// The arguments as one text, as `{{print …}}` has them, but with pointers followed and missing values named.
fn joined(args: &[Value]) -> Result<String, String> {
    match args {
        [Value::Text(text)] => Ok(text.to_string()),
        args => {
            let args: Vec<_> = args
                .iter()
                .map(|arg| match arg {
                    Value::Missing => Value::text("<no value>"),
                    Value::Pointer(..) => arg.indirect().0,
                    other => other.clone(),
                })
                .collect();
            print::print(&args)
        }
    }
}

fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0' => out.push(char::REPLACEMENT_CHARACTER),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => {
                out.push('\\');
                out.push(c);
            }
            '<' | '>' | '&' | '=' | '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c if crate::quote::is_print(c) => out.push(c),
            c => out.push_str(&format!("\\u{:04X}", u32::from(c))),
        }
    }
    out
}

fn urlquery(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
