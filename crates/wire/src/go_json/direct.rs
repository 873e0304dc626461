//! A deserializer that converts as Go does while the text is being read: what nobody asks for is skipped, nothing is held
//! untyped.
//!
//! It takes what is right. Of anything else (a wrong type, a field given twice, a list shorter than its array) it only
//! says that it is not: the text is then read again by way of a tree, which knows the rules and has Go's words.

use std::fmt;
use std::iter;
use std::marker::PhantomData;

use serde::de::value::{BorrowedStrDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Reads one value.
pub(super) struct Direct<D>(pub(super) D);

/// Passes a value on to the visitor behind it: `null` as the zero value of what that one asked for.
struct Converting<V, K> {
    visitor: V,
    wanted: PhantomData<K>,
}

/// What a visitor asked for.
trait Wanted {
    /// Passes its zero value on.
    fn zero<'de, V: Visitor<'de>, E: Error>(visitor: V) -> Result<V::Value, E>;
}

macro_rules! wanted {
    ($($name:ident: $visitor:ident => $zero:expr;)*) => {$(
        struct $name;

        impl Wanted for $name {
            fn zero<'de, V: Visitor<'de>, E: Error>($visitor: V) -> Result<V::Value, E> {
                $zero
            }
        }
    )*};
}

wanted! {
    Anything: visitor => visitor.visit_unit();
    Truth: visitor => visitor.visit_bool(false);
    Whole: visitor => visitor.visit_u64(0);
    Decimal: visitor => visitor.visit_f64(0.0);
    Text: visitor => visitor.visit_borrowed_str("");
    List: visitor => visitor.visit_seq(SeqDeserializer::new(iter::empty::<u8>()));
    Table: visitor => visitor.visit_map(MapDeserializer::new(iter::empty::<(u8, u8)>()));
}

macro_rules! passing {
    ($($method:ident($type:ty);)*) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>, K: Wanted> Visitor<'de> for Converting<V, K> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(formatter)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        K::zero(self.visitor)
    }

    passing! {
        visit_bool(bool);
        visit_u64(u64);
        visit_i64(i64);
        visit_f64(f64);
        visit_str(&str);
        visit_borrowed_str(&'de str);
        visit_string(String);
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(Elements(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Entries(entries))
    }
}

impl<'de, D: Deserializer<'de>> Direct<D> {
    fn convert<V: Visitor<'de>, K: Wanted>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(Converting {
            visitor,
            wanted: PhantomData::<K>,
        })
    }
}

macro_rules! converting {
    ($($method:ident $wanted:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.convert::<V, $wanted>(visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Direct<D> {
    type Error = D::Error;

    converting! {
        deserialize_any Anything;
        deserialize_bool Truth;
        deserialize_i8 Whole;
        deserialize_i16 Whole;
        deserialize_i32 Whole;
        deserialize_i64 Whole;
        deserialize_u8 Whole;
        deserialize_u16 Whole;
        deserialize_u32 Whole;
        deserialize_u64 Whole;
        deserialize_f64 Decimal;
        deserialize_str Text;
        deserialize_string Text;
        deserialize_seq List;
        deserialize_map Table;
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.convert::<V, Anything>(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(Optional(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(Structured { visitor, fields })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_ignored_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        f32 char bytes byte_buf unit unit_struct tuple_struct enum identifier
    }
}

/// Something or `null`.
struct Optional<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Optional<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(formatter)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Direct(value))
    }
}

/// An object read into a struct's fields.
struct Structured<V> {
    visitor: V,
    fields: &'static [&'static str],
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Structured<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(formatter)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        Table::zero(self.visitor)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Fields {
            entries,
            fields: self.fields,
            next: 0,
        })
    }
}

/// Elements of a list.
struct Elements<A>(A);

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.0.next_element_seed(Seed(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

/// Entries of an object read into a map.
struct Entries<A>(A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.0.next_value_seed(Seed(seed))
    }
}

/// Entries of an object read into a struct's fields: those that belong to none are left out.
struct Fields<A> {
    entries: A,
    fields: &'static [&'static str],
    /// Where the search for a field begins: they mostly come in order.
    next: usize,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        loop {
            let found = self.entries.next_key_seed(Key {
                fields: self.fields,
                next: self.next,
            })?;
            match found {
                None => return Ok(None),
                Some(None) => drop(self.entries.next_value::<IgnoredAny>()?),
                Some(Some(at)) => {
                    self.next = at + 1;
                    return seed
                        .deserialize(BorrowedStrDeserializer::new(self.fields[at]))
                        .map(Some);
                }
            }
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.entries.next_value_seed(Seed(seed))
    }
}

/// Reads a key as the number of the field it means.
struct Key {
    fields: &'static [&'static str],
    next: usize,
}

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<Option<usize>, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Option<usize>, E> {
        if self.fields.get(self.next).is_some_and(|field| *field == key) {
            return Ok(Some(self.next));
        }
        let exact = self.fields.iter().position(|field| *field == key);
        let alike = |field: &&str| field.eq_ignore_ascii_case(key);
        Ok(exact.or_else(|| self.fields.iter().position(alike)))
    }
}

/// Reads a value within another one by the same rules.
struct Seed<T>(T);

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Seed<T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<T::Value, D::Error> {
        self.0.deserialize(Direct(value))
    }
}
