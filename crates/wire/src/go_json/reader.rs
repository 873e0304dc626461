//! A deserializer over parsed JSON that converts as Go does.

use std::vec;

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, map};

use super::Error;

/// Reads one value.
pub(super) struct Reader(pub(super) Value);

/// What Go calls a value of this kind in its errors.
fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "string".to_owned(),
        Value::Array(_) => "array".to_owned(),
        Value::Object(_) => "object".to_owned(),
    }
}

/// As [`kind`], where a number was expected: then it is the number itself that is wrong.
fn kind_or_number(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("number {number}"),
        other => kind(other),
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ty, $go:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let fitting = match &self.0 {
                Value::Null => Some(0),
                Value::Number(number) => number
                    .as_i64()
                    .and_then(|number| <$type>::try_from(number).ok())
                    .or_else(|| number.as_u64().and_then(|number| <$type>::try_from(number).ok())),
                _ => None,
            };
            match fitting {
                Some(number) => visitor.$visit(number),
                None => Err(Error::mismatch(kind_or_number(&self.0), $go)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let found = match &self.0 {
            Value::Array(_) | Value::Object(_) => String::new(),
            scalar => kind(scalar),
        };
        let outcome = match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), _, _) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (_, _, Some(number)) => visitor.visit_f64(number),
                _ => Err(Error::mismatch(kind_or_number(&Value::Number(number)), "float64")),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(list) => visitor.visit_seq(Elements(list.into_iter())),
            Value::Object(object) => visitor.visit_map(Entries {
                rest: object.into_iter(),
                value: None,
            }),
        };
        // Only lists of words are read this way, so a scalar refused here stood where such a list should be.
        match outcome {
            Err(Error::Value(_)) if !found.is_empty() => Err(Error::mismatch(found, "[]string")),
            outcome => outcome,
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_bool(false),
            Value::Bool(value) => visitor.visit_bool(value),
            other => Err(Error::mismatch(kind(&other), "bool")),
        }
    }

    integers! {
        deserialize_i8 visit_i8 i8, "int8";
        deserialize_i16 visit_i16 i16, "int16";
        deserialize_i32 visit_i32 i32, "int32";
        deserialize_i64 visit_i64 i64, "int64";
        deserialize_u8 visit_u8 u8, "uint8";
        deserialize_u16 visit_u16 u16, "uint16";
        deserialize_u32 visit_u32 u32, "uint32";
        deserialize_u64 visit_u64 u64, "uint64";
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0 {
            Value::Null => visitor.visit_f64(0.0),
            other => match other.as_f64() {
                Some(number) => visitor.visit_f64(number),
                None => Err(Error::mismatch(kind(other), "float64")),
            },
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_string(String::new()),
            Value::String(text) => visitor.visit_string(text),
            other => Err(Error::mismatch(kind(&other), "string")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            value => visitor.visit_some(Self(value)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_seq(Elements(Vec::new().into_iter())),
            Value::Array(list) => visitor.visit_seq(Elements(list.into_iter())),
            other => Err(Error::mismatch(kind(&other), "slice")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        let mut list = match self.0 {
            Value::Null => Vec::new(),
            Value::Array(list) => list,
            other => return Err(Error::mismatch(kind(&other), "array")),
        };
        list.resize(length, Value::Null);
        visitor.visit_seq(Elements(list.into_iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_map(Entries {
                rest: Map::new().into_iter(),
                value: None,
            }),
            Value::Object(object) => visitor.visit_map(Entries {
                rest: object.into_iter(),
                value: None,
            }),
            other => Err(Error::mismatch(kind(&other), "map")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_map(Fields {
                name,
                rest: Vec::new().into_iter(),
                value: None,
            }),
            Value::Object(object) => {
                let rest = matching(object, fields).into_iter();
                visitor.visit_map(Fields {
                    name,
                    rest,
                    value: None,
                })
            }
            other => Err(Error::mismatch(kind(&other), name)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        f32 char bytes byte_buf unit unit_struct tuple_struct enum identifier
    }
}

/// The entries of `object` that belong to one of `fields`, each field once: the last entry wins.
fn matching(object: Map<String, Value>, fields: &'static [&'static str]) -> Vec<(&'static str, Value)> {
    let mut found: Vec<(&'static str, Value)> = Vec::with_capacity(object.len().min(fields.len()));
    for (key, value) in object {
        let exact = fields.iter().find(|field| **field == key);
        let Some(&field) = exact.or_else(|| fields.iter().find(|field| field.eq_ignore_ascii_case(&key)))
        else {
            continue;
        };
        match found.iter_mut().find(|(known, _)| *known == field) {
            Some((_, earlier)) => *earlier = value,
            None => found.push((field, value)),
        }
    }
    found
}

/// Elements of a list.
struct Elements(vec::IntoIter<Value>);

impl<'de> SeqAccess<'de> for Elements {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0
            .next()
            .map(|value| seed.deserialize(Reader(value)))
            .transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// Entries of an object read into a map.
struct Entries {
    rest: map::IntoIter,
    value: Option<Value>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(StringDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(Reader(self.value.take().unwrap_or_default()))
    }
}

/// Entries of an object read into a struct's fields.
struct Fields {
    name: &'static str,
    rest: vec::IntoIter<(&'static str, Value)>,
    value: Option<(&'static str, Value)>,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((field, value)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some((field, value));
        seed.deserialize(BorrowedStrDeserializer::new(field)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (field, value) = self.value.take().unwrap_or_default();
        seed.deserialize(Reader(value))
            .map_err(|error| error.inside(self.name, field))
    }
}
