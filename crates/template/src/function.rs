//! Functions templates may call, and the table of them, open to whoever executes templates.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::value::Value;
use crate::{builtin, docker};

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Param {
    /// `interface{}`: what is inside an interface is handed over.
    Any,
    /// The value as it is, even none.
    Value,
    /// `string`.
    Text,
    /// `int`.
    Int,
    /// `[]string`.
    Texts,
}

impl Param {
    /// Go's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Value => "reflect.Value",
            Self::Text => "string",
            Self::Int => "int",
            Self::Texts => "[]string",
        }
    }
}

/// What a function does, given as many arguments of the types it asks for.
type Body = dyn Fn(&[Value]) -> Result<Value, String> + Send + Sync;

/// A function.
#[derive(Clone)]
pub struct Function {
    pub(crate) params: &'static [Param],
    /// Type of the further arguments it takes.
    pub(crate) variadic: Option<Param>,
    /// `and` and `or` stop at the first argument whose truth is this.
    pub(crate) stops_at: Option<bool>,
    pub(crate) body: Arc<Body>,
}

impl Function {
    /// A function with these parameters.
    pub fn new(
        params: &'static [Param],
        body: impl Fn(&[Value]) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            params,
            variadic: None,
            stops_at: None,
            body: Arc::new(body),
        }
    }

    /// Taking any number of further arguments.
    pub fn variadic(mut self, param: Param) -> Self {
        self.variadic = Some(param);
        self
    }

    pub(crate) fn stopping_at(mut self, truth: bool) -> Self {
        self.stops_at = Some(truth);
        self
    }
}

/// A table of functions.
#[derive(Clone, Default)]
pub struct Functions(BTreeMap<&'static str, Function>);

impl Functions {
    /// Go's own.
    pub fn builtin() -> Self {
        let mut functions = Self::default();
        builtin::add(&mut functions);
        functions
    }

    /// Go's own, and those Docker adds.
    pub fn docker() -> Self {
        let mut functions = Self::builtin();
        docker::add(&mut functions);
        functions
    }

    /// As [`Functions::docker`], with those that must leave a table's titles alone doing so.
    pub fn docker_titles() -> Self {
        let mut functions = Self::docker();
        docker::add_for_titles(&mut functions);
        functions
    }

    /// Adds or replaces one.
    pub fn add(&mut self, name: &'static str, function: Function) {
        self.0.insert(name, function);
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Function> {
        self.0.get(name)
    }
}
