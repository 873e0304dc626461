//! Flags and file together: every setting has one value at most, and what this daemon cannot serve is told.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config_file::FileValues;
use crate::directives::{DIRECTIVES, Kind, Standing};

/// Settings that both sides may have, united: Docker's only one.
const UNITED: &str = "runtimes";

/// The values of all settings that have one, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Values(BTreeMap<&'static str, Value>);

impl Values {
    /// Unites flags and file.
    ///
    /// # Errors
    /// In Docker's words, when a setting is in both.
    pub(crate) fn unite(flags: &BTreeMap<&'static str, Value>, file: FileValues) -> Result<Self, String> {
        let conflicts: Vec<String> = flags
            .iter()
            .filter(|(name, _)| **name != UNITED)
            .filter_map(|(name, flag)| {
                let in_file = file.get(name)?;
                Some(format!(
                    "{name}: (from flag: {}, from file: {})",
                    as_go(flag),
                    as_go(in_file)
                ))
            })
            .collect();
        if !conflicts.is_empty() {
            return Err(format!(
                "the following directives are specified both as a flag and in the configuration file: {}",
                conflicts.join(", ")
            ));
        }
        let mut all = file;
        for (name, flag) in flags {
            match (all.get_mut(name), flag) {
                (Some(Value::Object(there)), Value::Object(more)) => {
                    there.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
                }
                _ => drop(all.insert(name, flag.clone())),
            }
        }
        Ok(Self(all))
    }

    /// What is set and has no effect, to be warned of.
    ///
    /// # Errors
    /// When something is set that would be missed.
    pub(crate) fn warnings(&self) -> Result<Vec<String>, String> {
        let mut warnings = Vec::new();
        for directive in DIRECTIVES {
            let (Standing::Idle(default, why) | Standing::Refused(default, why)) = directive.standing else {
                continue;
            };
            let usual = |value: &Value| {
                is_empty(value) || serde_json::from_str::<Value>(default).is_ok_and(|usual| usual == *value)
            };
            let Some(value) = self.0.get(directive.name()).filter(|value| !usual(value)) else {
                continue;
            };
            let name = directive.name();
            if matches!(directive.standing, Standing::Refused(..)) {
                return Err(format!(
                    "{name} ({}) is not supported by Corten: {why}",
                    as_go(value)
                ));
            }
            warnings.push(format!("{name} has no effect: {why}"));
        }
        Ok(warnings)
    }

    /// Whether a setting has a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text; `None` when absent or empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name, &[Kind::Text, Kind::Bytes])?
            .as_str()
            .filter(|text| !text.is_empty())
    }

    /// A switch.
    pub(crate) fn switch(&self, name: &str) -> Option<bool> {
        self.get(name, &[Kind::Switch])?.as_bool()
    }

    /// A number.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.get(name, &[Kind::Number])?.as_i64()
    }

    /// A list of texts.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let list = self.get(name, &[Kind::List]).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    /// Texts by name.
    pub(crate) fn map(&self, name: &str) -> BTreeMap<String, String> {
        let map = self.get(name, &[Kind::Map]).and_then(Value::as_object);
        map.into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    /// Texts by name, by another name.
    pub(crate) fn maps(&self, name: &str) -> BTreeMap<String, BTreeMap<String, String>> {
        let maps = self.get(name, &[Kind::NetworkOptions]).cloned();
        // The type was looked at when it was read.
        maps.and_then(|maps| serde_json::from_value(maps).ok())
            .unwrap_or_default()
    }

    /// Switches by name.
    pub(crate) fn switches(&self, name: &str) -> BTreeMap<String, bool> {
        let map = self.get(name, &[Kind::Switches]).and_then(Value::as_object);
        map.into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_bool()?)))
            .collect()
    }

    /// The value itself.
    pub(crate) fn raw(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    fn get(&self, name: &str, kinds: &[Kind]) -> Option<&Value> {
        debug_assert!(
            DIRECTIVES
                .iter()
                .any(|directive| directive.name() == name && kinds.contains(&directive.kind)),
            "{name} is no such setting"
        );
        self.0.get(name)
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// A value as Go prints it.
fn as_go(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(as_go).collect();
            format!("[{}]", list.join(" "))
        }
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key}:{}", as_go(value)))
                .collect();
            format!("map[{}]", entries.join(" "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_setting_in_both_places_is_a_mistake() {
        let flags = BTreeMap::from([("dns", json!(["1.1.1.1"])), ("debug", json!(true))]);
        let file = FileValues::from([("dns", json!(["8.8.8.8"])), ("debug", json!(false))]);
        assert_eq!(
            Values::unite(&flags, file).unwrap_err(),
            "the following directives are specified both as a flag and in the configuration file: debug: (from flag: true, \
             from file: false), dns: (from flag: [1.1.1.1], from file: [8.8.8.8])"
        );
        let flags = BTreeMap::from([("runtimes", json!({"a": {"path": "x"}}))]);
        let file = FileValues::from([("runtimes", json!({"b": {"path": "y"}}))]);
        let both = Values::unite(&flags, file).unwrap();
        assert_eq!(
            both.raw("runtimes"),
            Some(&json!({"a": {"path": "x"}, "b": {"path": "y"}}))
        );
    }

    #[test]
    fn what_is_not_served_is_told() {
        let told = |name: &'static str, value: Value| Values(BTreeMap::from([(name, value)])).warnings();
        assert_eq!(
            told("registry-mirrors", json!(["http://x"])).unwrap(),
            ["registry-mirrors has no effect: Corten does not contact registries yet"]
        );
        assert_eq!(told("ipv6", json!(false)).unwrap(), [""; 0]);
        assert_eq!(
            told("userns-remap", json!("default")).unwrap_err(),
            "userns-remap (default) is not supported by Corten: Corten has no user namespaces yet"
        );
        assert_eq!(told("max-concurrent-downloads", json!(3)).unwrap(), [""; 0]);
    }
}
