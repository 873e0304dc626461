//! All containers of the daemon, findable by identifier, unambiguous prefix, or name.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use corten_types::ContainerId;

use crate::container::Container;
use crate::error::{Error, Result};
use crate::names;

/// All containers. Invariant: every name maps to a container that is in `by_id` or is being created.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_id: BTreeMap<ContainerId, Arc<Container>>,
    by_name: HashMap<String, ContainerId>,
}

impl Registry {
    /// Reserves `name` for `id`, or makes up a name if it is empty.
    pub(crate) fn reserve_name(&self, name: &str, id: &ContainerId) -> Result<String> {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        if name.is_empty() {
            let made = (0..)
                .map(names::new_name)
                .find(|made| !inner.by_name.contains_key(made));
            let made = made.unwrap_or_else(|| id.to_string());
            inner.by_name.insert(made.clone(), id.clone());
            return Ok(made);
        }
        let plain = name.strip_prefix('/').unwrap_or(name);
        if !names::is_valid(plain) {
            return Err(Error::Invalid(format!(
                "Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
            )));
        }
        if let Some(holder) = inner.by_name.get(plain) {
            return Err(Error::Conflict(format!(
                "Conflict. The container name \"/{plain}\" is already in use by container \"{holder}\". You have to remove \
                 (or rename) that container to be able to reuse that name."
            )));
        }
        inner.by_name.insert(plain.to_owned(), id.clone());
        Ok(plain.to_owned())
    }

    /// Gives up a name.
    pub(crate) fn release_name(&self, name: &str) {
        self.inner
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .by_name
            .remove(name);
    }

    /// Adds a container whose name is reserved.
    pub(crate) fn insert(&self, container: Arc<Container>) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        inner.by_id.insert(container.id().clone(), container);
    }

    /// Removes a container and gives up its name.
    pub(crate) fn remove(&self, container: &Container) {
        let name = container.state().name().to_owned();
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        inner.by_id.remove(container.id());
        inner.by_name.remove(&name);
    }

    /// All containers.
    pub(crate) fn all(&self) -> Vec<Arc<Container>> {
        self.inner
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .by_id
            .values()
            .cloned()
            .collect()
    }

    /// The container with exactly this identifier.
    pub(crate) fn get(&self, id: &ContainerId) -> Option<Arc<Container>> {
        self.inner
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .by_id
            .get(id)
            .cloned()
    }

    /// The container meant by `text`: full identifier, then name, then prefix of an identifier (Docker's order), or the name
    /// another container links to it by, `parent/alias`.
    pub(crate) fn find(&self, text: &str) -> Result<Arc<Container>> {
        match text.trim_start_matches('/').split_once('/') {
            Some((parent, alias)) => self
                .find_linked(parent, alias)
                .ok_or_else(|| Error::NoSuchContainer(text.to_owned())),
            None => self.find_own(text),
        }
    }

    fn find_linked(&self, parent: &str, alias: &str) -> Option<Arc<Container>> {
        let parent = self.find_own(parent).ok()?;
        let child = {
            let state = parent.state();
            let link = state.record.links.iter().find(|link| link.alias == alias)?;
            link.child.clone()
        };
        self.get(&child)
    }

    fn find_own(&self, text: &str) -> Result<Arc<Container>> {
        if text.is_empty() {
            return Err(Error::Invalid("invalid name or ID supplied: \"\"".to_owned()));
        }
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let unknown = || Error::NoSuchContainer(text.to_owned());
        if let Some(found) = text
            .parse::<ContainerId>()
            .ok()
            .and_then(|id| inner.by_id.get(&id))
        {
            return Ok(found.clone());
        }
        let name = text.strip_prefix('/').unwrap_or(text);
        if let Some(id) = inner.by_name.get(name) {
            return inner.by_id.get(id).cloned().ok_or_else(unknown);
        }
        if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(unknown());
        }
        let mut matching = inner.by_id.iter().filter(|(id, _)| id.as_str().starts_with(text));
        match (matching.next(), matching.next()) {
            (Some((_, found)), None) => Ok(found.clone()),
            (Some(_), Some(_)) => Err(Error::Invalid(format!(
                "multiple IDs found with provided prefix: {text}"
            ))),
            _ => Err(unknown()),
        }
    }
}
