//! What removing an image by one of its names means. Pure; the rules and sentences are Docker's.

use corten_types::{Digest, Reference};

use crate::{Error, Result};

/// A container made of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerUse {
    /// Its id; twelve digits of it are shown.
    pub container: String,
    /// Whether it runs.
    pub running: bool,
}

/// What is known before the removal.
#[derive(Debug)]
pub(crate) struct Situation<'a> {
    pub(crate) id: &'a Digest,
    /// All names of the image.
    pub(crate) references: &'a [Reference],
    pub(crate) uses: &'a [ContainerUse],
    /// Whether images were committed on it.
    pub(crate) children: bool,
    /// What the user wrote.
    pub(crate) asked: &'a str,
    pub(crate) force: bool,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Names to remove, in this order.
    pub(crate) untag: Vec<Reference>,
    /// Whether the image itself goes, too.
    pub(crate) delete: bool,
}

impl Situation<'_> {
    /// Decides.
    ///
    /// # Errors
    /// [`Error::Conflict`], or when what was asked is no reference.
    pub(crate) fn plan(&self) -> Result<Plan> {
        if is_id_prefix(self.id, self.asked) {
            self.plan_by_id()
        } else {
            self.plan_by_name()
        }
    }

    /// By id: an image with at most one name goes with that name; with more, only by force.
    fn plan_by_id(&self) -> Result<Plan> {
        let single = is_single(self.references);
        if let Some(conflict) = self.conflict(!single) {
            return Err(conflict);
        }
        Ok(Plan {
            untag: self.references.to_vec(),
            delete: true,
        })
    }

    /// By name: the name goes; with the last one the image goes, too, unless it is in use.
    fn plan_by_name(&self) -> Result<Plan> {
        if let Some(user) = self
            .uses
            .first()
            .filter(|_| !self.force && is_single(self.references))
        {
            return Err(Error::Conflict(format!(
                "remove repository reference {:?} (must force) - container {} is using its referenced image {}",
                self.asked,
                short(&user.container),
                self.id.short()
            )));
        }
        let asked = crate::index::canonical(self.asked.parse::<Reference>()?);
        let mut untag = vec![asked.clone()];
        let mut rest: Vec<_> = self
            .references
            .iter()
            .filter(|reference| **reference != asked)
            .cloned()
            .collect();
        let same_repository =
            |reference: &Reference| reference.domain() == asked.domain() && reference.path() == asked.path();
        // With the last tag of a repository its digests go as well.
        let tags_left = rest
            .iter()
            .any(|reference| reference.digest().is_none() && same_repository(reference));
        if asked.digest().is_none() && !tags_left {
            let is_digest =
                |reference: &Reference| reference.digest().is_some() && same_repository(reference);
            untag.extend(rest.iter().filter(|reference| is_digest(reference)).cloned());
            rest.retain(|reference| !is_digest(reference));
        }
        // The name is gone already: that the image has to stay is no failure then.
        let delete = rest.is_empty() && self.conflict(false).is_none();
        Ok(Plan { untag, delete })
    }

    /// Whether an untagged parent goes with its last child.
    pub(crate) fn goes_with_child(&self) -> bool {
        self.references.is_empty() && self.uses.is_empty() && !self.children
    }

    /// Why the image may not be deleted. Running containers are a reason that force does not remove.
    fn conflict(&self, other_names: bool) -> Option<Error> {
        let unable = |how: &str, why: String| {
            Some(Error::Conflict(format!(
                "delete {} ({how}) - {why}",
                self.id.short()
            )))
        };
        if self.children {
            return unable("cannot be forced", "image has dependent child images".to_owned());
        }
        let user = |running| self.uses.iter().find(|user| user.running == running);
        if let Some(user) = user(true) {
            let why = format!(
                "image is being used by running container {}",
                short(&user.container)
            );
            return unable("cannot be forced", why);
        }
        if self.force {
            return None;
        }
        if other_names {
            return unable(
                "must be forced",
                "image is referenced in multiple repositories".to_owned(),
            );
        }
        if let Some(user) = user(false) {
            let why = format!(
                "image is being used by stopped container {}",
                short(&user.container)
            );
            return unable("must be forced", why);
        }
        None
    }
}

/// Whether all names are one tag and, at most, digests of the same repository.
fn is_single(references: &[Reference]) -> bool {
    let mut tags = references.iter().filter(|reference| reference.digest().is_none());
    let tag = tags.next();
    let repository = |reference: &Reference| (reference.domain().to_owned(), reference.path().to_owned());
    let Some(first) = tag.or(references.first()) else {
        return true;
    };
    tags.next().is_none()
        && references
            .iter()
            .all(|reference| repository(reference) == repository(first))
}

fn is_id_prefix(id: &Digest, asked: &str) -> bool {
    let hex = asked.strip_prefix("sha256:").unwrap_or(asked);
    !hex.is_empty() && id.hex().starts_with(hex)
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(names: &[&str], uses: &[(&str, bool)], asked: &str, force: bool) -> String {
        let id = Digest::from_sha256([0xab; 32]);
        let references: Vec<Reference> = names.iter().map(|name| name.parse().unwrap()).collect();
        let uses: Vec<_> = uses
            .iter()
            .map(|(container, running)| ContainerUse {
                container: (*container).to_owned(),
                running: *running,
            })
            .collect();
        let situation = Situation {
            id: &id,
            references: &references,
            uses: &uses,
            children: names.contains(&"parent:1"),
            asked,
            force,
        };
        match situation.plan() {
            Ok(plan) => {
                let mut words: Vec<_> = plan
                    .untag
                    .iter()
                    .map(|name| format!("untag {}", name.familiar()))
                    .collect();
                words.extend(plan.delete.then(|| "delete".to_owned()));
                words.join(", ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn names_and_ids_are_removed_as_docker_does() {
        let digest = format!("a@sha256:{}", "1".repeat(64));
        assert_eq!(plan(&["a:1"], &[], "a:1", false), "untag a:1, delete");
        assert_eq!(plan(&["a:1", "b:1"], &[], "a:1", false), "untag a:1");
        assert_eq!(
            plan(&["a:1", &digest], &[], "a:1", false),
            format!("untag a:1, untag {digest}, delete")
        );
        assert_eq!(plan(&["a:1", "a:2", &digest], &[], "a:1", false), "untag a:1");
        assert_eq!(plan(&["a:1"], &[], "abab", false), "untag a:1, delete");
        assert_eq!(plan(&[], &[], "sha256:abab", false), "delete");
        assert_eq!(
            plan(&["a:1", "b:1"], &[], "abab", false),
            "conflict: unable to delete abababababab (must be forced) - image is referenced in multiple repositories"
        );
        assert_eq!(
            plan(&["a:1", "b:1"], &[], "abab", true),
            "untag a:1, untag b:1, delete"
        );
    }

    #[test]
    fn images_built_upon_stay() {
        assert_eq!(
            plan(&["parent:1"], &[], "abab", true),
            "conflict: unable to delete abababababab (cannot be forced) - image has dependent child images"
        );
        assert_eq!(plan(&["parent:1"], &[], "parent:1", false), "untag parent:1");
    }

    #[test]
    fn containers_keep_their_images() {
        let stopped = [("1234567890abcdef", false)];
        let running = [("1234567890abcdef", true)];
        assert_eq!(
            plan(&["a:1"], &stopped, "a:1", false),
            "conflict: unable to remove repository reference \"a:1\" (must force) - container 1234567890ab is using its \
             referenced image abababababab"
        );
        assert_eq!(plan(&["a:1"], &stopped, "a:1", true), "untag a:1, delete");
        assert_eq!(plan(&["a:1"], &running, "a:1", true), "untag a:1");
        assert_eq!(plan(&["a:1", "b:1"], &running, "a:1", false), "untag a:1");
        assert_eq!(
            plan(&["a:1"], &stopped, "abab", false),
            "conflict: unable to delete abababababab (must be forced) - image is being used by stopped container \
             1234567890ab"
        );
        assert_eq!(
            plan(&["a:1"], &running, "abab", true),
            "conflict: unable to delete abababababab (cannot be forced) - image is being used by running container \
             1234567890ab"
        );
    }
}
