//! Docker's verbs that Corten does not have yet: told apart from those nobody has.

use crate::command::Program;
use crate::error::Error;
use crate::output;

/// Verbs and groups at the top.
const TOP: &[&str] = &[
    "bake",
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

/// Says so, where `rest` stands behind `verb`: who only asks for help has it that way.
///
/// # Errors
/// The sentence, unless help was asked for.
pub(crate) fn answer(program: &Program, verb: &str, rest: &[String]) -> Result<i32, Error> {
    let sentence = sentence(program, verb, rest.first());
    if !rest.iter().any(|word| word == "--help" || word == "-h") {
        return Err(Error::plain(sentence));
    }
    output::line(&sentence)?;
    Ok(0)
}

fn sentence(program: &Program, verb: &str, word: Option<&String>) -> String {
    let word = word
        .filter(|word| !word.starts_with('-'))
        .map(|word| format!(" {word}"))
        .unwrap_or_default();
    // What follows a verb that stands alone is no verb.
    let word = if matches!(verb, "bake" | "build" | "login" | "logout" | "push" | "search") {
        String::new()
    } else {
        word
    };
    let name = &program.name;
    format!("{name}: '{name} {verb}{word}' is not supported by Corten yet")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_them_apart() {
        let prune = "prune".to_owned();
        assert!(has("builder", Some(&prune)) && has("build", None) && has("image", Some(&"push".to_owned())));
        assert!(!has("volume", Some(&prune)) && !has("frob", None) && !has("image", None));
        let program = Program::docker();
        assert_eq!(
            sentence(&program, "builder", Some(&prune)),
            "docker: 'docker builder prune' is not supported by Corten yet"
        );
        assert_eq!(
            sentence(&program, "push", Some(&"x".to_owned())),
            "docker: 'docker push' is not supported by Corten yet"
        );
    }

    #[test]
    fn asking_for_help_is_no_mistake() {
        let program = Program::docker();
        let ask = |rest: &[&str]| {
            let rest: Vec<String> = rest.iter().map(|word| (*word).to_owned()).collect();
            answer(&program, "swarm", &rest)
        };
        assert_eq!(ask(&["--help"]).unwrap(), 0);
        assert_eq!(ask(&["init", "-h"]).unwrap(), 0);
        assert_eq!(
            ask(&["init"]).unwrap_err().to_string(),
            "docker: 'docker swarm init' is not supported by Corten yet"
        );
    }
}
