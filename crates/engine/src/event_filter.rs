//! Which events a listener wants.

use corten_wire::{Event, Filters};

use crate::error::{Error, Result};

const KNOWN: &[&str] = &[
    "config",
    "container",
    "daemon",
    "event",
    "image",
    "label",
    "network",
    "node",
    "plugin",
    "scope",
    "secret",
    "service",
    "type",
    "volume",
];

/// Docker's filters of `events`.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    filters: Filters,
}

impl EventFilter {
    /// Reads the filters.
    ///
    /// # Errors
    /// When one is unknown.
    pub fn read(filters: &Filters) -> Result<Self> {
        filters
            .check(KNOWN)
            .map_err(|error| Error::Invalid(error.to_string()))?;
        Ok(Self {
            filters: filters.clone(),
        })
    }

    /// Whether the listener wants this one.
    pub fn passes(&self, event: &Event) -> bool {
        let filters = &self.filters;
        let attributes = &event.actor.attributes;
        let named = |kind: &str| {
            filters.allow(kind, |wanted| {
                event.r#type == kind
                    && (event.actor.id.starts_with(wanted)
                        || attributes
                            .get("name")
                            .is_some_and(|name| name.starts_with(wanted)))
            })
        };
        // `exec_start: sh` is found as `exec_start`, too.
        let action = event.action.split(':').next().unwrap_or_default();
        filters.allow("type", |kind| event.r#type == kind)
            && filters.allow("event", |wanted| event.action == wanted || action == wanted)
            && filters.allow("scope", |scope| event.scope == scope)
            && filters.allow("image", |image| {
                let name = match event.r#type.as_str() {
                    "image" => attributes.get("name"),
                    _ => attributes.get("image"),
                };
                [Some(&event.actor.id), name]
                    .into_iter()
                    .flatten()
                    .any(|own| own == image || without_tag(own) == image)
            })
            && filters.all_in("label", attributes)
            && ["container", "daemon", "network", "plugin", "volume"]
                .iter()
                .all(|kind| named(kind))
            && ["config", "node", "secret", "service"]
                .iter()
                .all(|kind| filters.values(kind).next().is_none())
    }
}

/// An image's name without its tag.
fn without_tag(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((plain, tag)) if !tag.contains('/') => plain,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(filters: &[(&str, &str)]) -> bool {
        let mut all = Filters::default();
        for (key, value) in filters {
            all.insert(*key, *value);
        }
        let mut event = Event {
            r#type: "container".into(),
            action: "exec_start: sh".into(),
            ..Event::default()
        };
        event.actor.id = "abcdef".into();
        event.actor.attributes = [("name", "web"), ("image", "host:1/nginx:2"), ("a", "b")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        EventFilter::read(&all).unwrap().passes(&event)
    }

    #[test]
    fn all_filters_must_pass_and_any_of_their_values() {
        assert!(passes(&[]));
        assert!(passes(&[
            ("container", "web"),
            ("event", "exec_start"),
            ("label", "a=b"),
            ("image", "host:1/nginx")
        ]));
        assert!(passes(&[("container", "we"), ("image", "host:1/nginx:2")]));
        assert!(!passes(&[("image", "nginx")]));
        assert!(passes(&[("type", "image"), ("type", "container")]));
        assert!(!passes(&[("container", "web"), ("event", "die")]));
        assert!(!passes(&[("network", "bridge")]));
        let mut unknown = Filters::default();
        unknown.insert("frob", "x");
        assert_eq!(
            EventFilter::read(&unknown).unwrap_err().to_string(),
            "invalid filter 'frob'"
        );
    }
}
