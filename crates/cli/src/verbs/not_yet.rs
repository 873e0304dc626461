//! Docker's verbs that Corten does not have yet: told apart from those nobody has.

use crate::command::Program;
use crate::error::Error;

/// Verbs and groups at the top.
const TOP: &[&str] = &[
    "build",
    "builder",
    "buildx",
    "checkpoint",
    "compose",
    "config",
    "login",
    "logout",
    "manifest",
    "node",
    "push",
    "search",
    "secret",
    "service",
    "stack",
    "swarm",
    "trust",
];
/// Verbs of groups that are there.
const IN_GROUPS: &[(&str, &[&str])] = &[
    ("image", &["build", "push"]),
    ("network", &["connect", "disconnect"]),
    (
        "plugin",
        &[
            "create", "disable", "enable", "inspect", "install", "push", "rm", "set", "upgrade",
        ],
    ),
];

/// Whether `verb`, or `word` behind the group `verb`, is one of them.
pub(crate) fn has(verb: &str, word: Option<&String>) -> bool {
    let of_group = |(group, verbs): &(&str, &[&str])| {
        *group == verb && word.is_some_and(|word| verbs.contains(&word.as_str()))
    };
    TOP.contains(&verb) || IN_GROUPS.iter().any(of_group)
}

/// The sentence for it.
pub(crate) fn refuse(program: &Program, verb: &str, word: Option<&String>) -> Error {
    let word = word
        .filter(|word| !word.starts_with('-'))
        .map(|word| format!(" {word}"))
        .unwrap_or_default();
    // What follows a verb that stands alone is no verb.
    let word = if matches!(verb, "build" | "login" | "logout" | "push" | "search") {
        String::new()
    } else {
        word
    };
    let name = &program.0;
    Error::plain(format!(
        "{name}: '{name} {verb}{word}' is not supported by Corten yet"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_them_apart() {
        let prune = "prune".to_owned();
        assert!(
            has("builder", Some(&prune)) && has("build", None) && has("network", Some(&"connect".to_owned()))
        );
        assert!(!has("volume", Some(&prune)) && !has("frob", None) && !has("network", None));
        let program = Program("docker".to_owned());
        assert_eq!(
            refuse(&program, "builder", Some(&prune)).to_string(),
            "docker: 'docker builder prune' is not supported by Corten yet"
        );
        assert_eq!(
            refuse(&program, "push", Some(&"x".to_owned())).to_string(),
            "docker: 'docker push' is not supported by Corten yet"
        );
    }
}
