//! `eq`, `ne`, `lt`, `le`, `gt`, `ge`: Go's rules of what can be compared with what.

use std::cmp::Ordering;

use crate::value::Value;

const BAD_TYPE: &str = "invalid type for comparison";
const BAD_PAIR: &str = "incompatible types for comparison";

/// Whether the first is equal to one of the others.
pub(crate) fn eq(args: &[Value]) -> Result<bool, String> {
    let [first, others @ ..] = args else {
        return Err("missing argument for comparison".to_owned());
    };
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    let first = first.clone().unboxed();
    for other in others {
        if equal(&first, &other.clone().unboxed())? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    if let Some(order) = basic(a, b) {
        return Ok(order == Some(Ordering::Equal));
    }
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => return Ok(a == b),
        _ if is_basic(a) != is_basic(b) || (is_basic(a) && is_basic(b)) => {
            let any_missing = matches!(a, Value::Missing) || matches!(b, Value::Missing);
            return if any_missing {
                Ok(false)
            } else {
                Err(BAD_PAIR.to_owned())
            };
        }
        _ => {}
    }
    if is_nil(a) || is_nil(b) {
        return Ok(is_nil(a) == is_nil(b));
    }
    match (a, b) {
        (Value::Shown(a), Value::Shown(b)) => Ok(a == b),
        (Value::Pointer(Some(a), _), Value::Pointer(Some(b), _)) => Ok(std::sync::Arc::ptr_eq(a, b)),
        (Value::Struct(a), Value::Struct(b)) if a.name == b.name => {
            let mut pairs = a.fields.iter().zip(&b.fields);
            pairs.try_fold(true, |same, (a, b)| Ok(same && equal(&a.1, &b.1)?))
        }
        (a, b) if std::mem::discriminant(a) == std::mem::discriminant(b) => Err(format!(
            "non-comparable type {}: {}",
            crate::print::plain(a),
            a.type_name()
        )),
        (a, b) => Err(format!(
            "non-comparable types {}: {}, {}: {}",
            crate::print::plain(a),
            a.type_name(),
            b.type_name(),
            crate::print::plain(b)
        )),
    }
}

/// Whether the first is less than the second.
pub(crate) fn lt(args: &[Value]) -> Result<bool, String> {
    let [a, b] = args else {
        return Err("missing argument for comparison".to_owned());
    };
    let (a, b) = (a.clone().unboxed(), b.clone().unboxed());
    if !is_basic(&a) || !is_basic(&b) {
        return Err(BAD_TYPE.to_owned());
    }
    match basic(&a, &b) {
        Some(order) => Ok(order == Some(Ordering::Less)),
        None if matches!((&a, &b), (Value::Bool(_), Value::Bool(_))) => Err(BAD_TYPE.to_owned()),
        None => Err(BAD_PAIR.to_owned()),
    }
}

/// Less or equal.
pub(crate) fn le(args: &[Value]) -> Result<bool, String> {
    Ok(lt(args)? || eq(args)?)
}

/// The order of two values of one basic kind, `Some(None)` with a float that is no number.
fn basic(a: &Value, b: &Value) -> Option<Option<Ordering>> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(Some(a.cmp(b))),
        (Value::Float(a), Value::Float(b)) => Some(a.partial_cmp(b)),
        (Value::Text(a) | Value::Number(a), Value::Text(b) | Value::Number(b)) => Some(Some(a.cmp(b))),
        _ => None,
    }
}

fn is_basic(value: &Value) -> bool {
    matches!(
        value,
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) | Value::Number(_)
    )
}

fn is_nil(value: &Value) -> bool {
    match value {
        Value::Missing | Value::Pointer(None, _) => true,
        Value::List(list) => list.is_nil,
        Value::Map(map) => map.is_nil,
        _ => false,
    }
}
