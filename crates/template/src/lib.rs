//! Go's `text/template` for data that came from JSON: what `--format` speaks, and what templates of secrets and configs speak.
//!
//! The language, its values' printed forms and its error sentences are those of Go 1.24's `text/template`, `text/template/parse`
//! and `fmt`, so that a template that works with Docker works here, and one that does not fails with the same words.
//!
//! Lives here: lexer, parser, execution, Go's built-in functions and Docker's, and [`Type`], by which JSON becomes the typed
//! values Go programs would have. Never here: what a particular object looks like (its tables of types live with their
//! owner), or any input and output.
//!
//! Differences to Go, on purpose: no complex numbers, no channels and functions as values; pointers inside printed values
//! are followed where Go shows an address; templates nest at most [`MAX_DEPTH`] deep and write at most [`MAX_OUTPUT`] bytes,
//! so that no template can exhaust the stack or the memory of who executes it.
#![forbid(unsafe_code)]

mod builtin;
mod compare;
mod docker;
mod error;
mod exec;
mod float;
mod function;
mod json;
mod lex;
mod node;
mod number;
mod parse;
mod print;
mod printf;
mod quote;
mod schema;
mod template;
mod value;

pub use error::Error;
pub use function::{Function, Functions, Param};
pub use json::Json;
pub use quote::quote;
pub use schema::{Field, StructType, Type};
pub use template::{MAX_DEPTH, MAX_OUTPUT, Missing, Template};
pub use value::{List, Map, Method, Shown, Struct, Value};
