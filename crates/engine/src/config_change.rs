//! Dockerfile instructions that change an image's settings, as `commit` and `import` take them (`--change`). Pure.

use corten_wire::{ContainerConfig, Empty, HealthConfig};

use crate::error::{Error, Result};
use crate::signal;

/// Applies instructions one after the other.
///
/// # Errors
/// When one is not allowed here, or makes no sense.
pub(crate) fn apply(config: &mut ContainerConfig, changes: &[String]) -> Result<()> {
    let mut command_set = false;
    for change in changes {
        // A line that ends in a backslash goes on.
        let text = change.replace("\\\n", "");
        for line in text.lines().map(str::trim) {
            if !line.is_empty() && !line.starts_with('#') {
                instruction(config, line, &mut command_set)?;
            }
        }
    }
    Ok(())
}

fn instruction(config: &mut ContainerConfig, line: &str, command_set: &mut bool) -> Result<()> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let (name, rest) = (word.to_ascii_uppercase(), rest.trim());
    let needs = |ok: bool| {
        if ok {
            return Ok(());
        }
        Err(Error::Invalid(format!("{name} requires at least one argument")))
    };
    let one = || -> Result<String> {
        if rest.is_empty() {
            return Err(Error::Invalid(format!("{name} requires exactly one argument")));
        }
        expand(rest, config.env.as_deref().unwrap_or_default())
    };
    match name.as_str() {
        "CMD" => {
            config.cmd = command(config, rest);
            *command_set = true;
        }
        "ENTRYPOINT" => {
            config.entrypoint = command(config, rest);
            // The old command was meant for the old entrypoint.
            if !*command_set {
                config.cmd = None;
            }
        }
        "ENV" => {
            needs(!rest.is_empty())?;
            for (key, value) in pairs("ENV", rest, config.env.as_deref().unwrap_or_default())? {
                let env = config.env.get_or_insert_default();
                let entry = format!("{key}={value}");
                match env
                    .iter_mut()
                    .find(|known| known.split('=').next() == Some(key.as_str()))
                {
                    Some(known) => *known = entry,
                    None => env.push(entry),
                }
            }
        }
        "EXPOSE" => {
            needs(!rest.is_empty())?;
            for port in expand(rest, config.env.as_deref().unwrap_or_default())?.split_whitespace() {
                for port in ports(port)? {
                    config.exposed_ports.insert(port, Empty {});
                }
            }
        }
        "LABEL" => {
            needs(!rest.is_empty())?;
            let labels = pairs("LABEL", rest, config.env.as_deref().unwrap_or_default())?;
            config.labels.get_or_insert_default().extend(labels);
        }
        "USER" => config.user = one()?,
        "WORKDIR" => {
            let path = one()?;
            config.working_dir = if path.starts_with('/') {
                crate::mounts::clean_path(&path)
            } else {
                crate::mounts::clean_path(&format!("/{}/{path}", config.working_dir))
            };
        }
        "VOLUME" => {
            needs(!rest.is_empty())?;
            let list =
                json_words(rest).unwrap_or_else(|| rest.split_whitespace().map(str::to_owned).collect());
            for path in list {
                let path = expand(&path, config.env.as_deref().unwrap_or_default())?;
                if path.trim().is_empty() {
                    return Err(Error::Invalid(
                        "VOLUME specified can not be an empty string".to_owned(),
                    ));
                }
                config.volumes.get_or_insert_default().insert(path, Empty {});
            }
        }
        "STOPSIGNAL" => {
            let text = one()?;
            signal::parse(&text)?;
            config.stop_signal = text;
        }
        "ONBUILD" => {
            needs(!rest.is_empty())?;
            let trigger = rest
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_ascii_uppercase();
            match trigger.as_str() {
                "ONBUILD" => {
                    return Err(Error::Invalid(
                        "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed".to_owned(),
                    ));
                }
                "MAINTAINER" | "FROM" => {
                    return Err(Error::Invalid(format!(
                        "{trigger} isn't allowed as an ONBUILD trigger"
                    )));
                }
                _ => config.on_build.get_or_insert_default().push(rest.to_owned()),
            }
        }
        "HEALTHCHECK" => config.healthcheck = Some(health(rest)?),
        _ => {
            return Err(Error::Invalid(format!("{word} is not a valid change command")));
        }
    }
    Ok(())
}

/// A list of words in JSON, or a line for the shell.
fn command(config: &ContainerConfig, text: &str) -> Option<Vec<String>> {
    if let Some(words) = json_words(text) {
        return Some(words);
    }
    if text.is_empty() {
        return None;
    }
    let shell = config.shell.clone().filter(|shell| !shell.is_empty());
    let mut words = shell.unwrap_or_else(|| vec!["/bin/sh".to_owned(), "-c".to_owned()]);
    words.push(text.to_owned());
    Some(words)
}

fn json_words(text: &str) -> Option<Vec<String>> {
    text.starts_with('[')
        .then(|| serde_json::from_str(text).ok())
        .flatten()
}

/// `KEY=VALUE …` with quotes, or the old `KEY VALUE` for a single one.
fn pairs(name: &str, text: &str, env: &[String]) -> Result<Vec<(String, String)>> {
    let words = words(text);
    let first = words.first().map(String::as_str).unwrap_or_default();
    if !first.contains('=') {
        let (key, value) = text
            .split_once(char::is_whitespace)
            .ok_or_else(|| Error::Invalid(format!("{name} must have two arguments")))?;
        return Ok(vec![(expand(key, env)?, expand(value.trim(), env)?)]);
    }
    let mut pairs = Vec::new();
    for word in words {
        let Some((key, value)) = word.split_once('=') else {
            return Err(Error::Invalid(format!(
                "Syntax error - can't find = in {word:?}. Must be of the form: name=value"
            )));
        };
        let key = expand(key, env)?;
        if key.is_empty() {
            return Err(Error::Invalid(format!("{name} names can not be blank")));
        }
        pairs.push((key, expand(value, env)?));
    }
    Ok(pairs)
}

/// Splits at white space outside of quotes; quotes and backslashes stay.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quote, mut escaped) = (None, false);
    for letter in text.chars() {
        if !escaped && quote.is_none() && letter.is_whitespace() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        match letter {
            _ if escaped => escaped = false,
            '\\' if quote != Some('\'') => escaped = true,
            '"' | '\'' if quote == Some(letter) => quote = None,
            '"' | '\'' if quote.is_none() => quote = Some(letter),
            _ => {}
        }
        word.push(letter);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Takes off quotes and backslashes and puts in variables: `$A`, `${A}`, `${A:-otherwise}`, `${A:+instead}`.
fn expand(text: &str, env: &[String]) -> Result<String> {
    let value = |name: &str| {
        env.iter()
            .find_map(|entry| entry.split_once('=').filter(|(key, _)| *key == name))
            .map(|(_, value)| value.to_owned())
    };
    let mut out = String::new();
    let mut quote = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' if quote == Some('\'') => quote = None,
            '"' if quote == Some('"') => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(letter),
            '\\' if quote.is_none() => out.extend(letters.next()),
            '\\' if quote == Some('"') => match letters.peek() {
                Some('"' | '$' | '\\') => out.extend(letters.next()),
                _ => out.push('\\'),
            },
            '$' if quote != Some('\'') => {
                let braced = letters.next_if_eq(&'{').is_some();
                let mut name = String::new();
                while let Some(next) = letters.next_if(|next| next.is_ascii_alphanumeric() || *next == '_') {
                    name.push(next);
                }
                if !braced {
                    match name.is_empty() {
                        true => out.push('$'),
                        false => out.push_str(&value(&name).unwrap_or_default()),
                    }
                    continue;
                }
                let rest: String = letters.by_ref().take_while(|next| *next != '}').collect();
                let set = value(&name).filter(|value| !value.is_empty() || !rest.starts_with(':'));
                match rest.strip_prefix(':').unwrap_or(&rest).split_at_checked(1) {
                    None => out.push_str(&set.unwrap_or_default()),
                    Some(("-", other)) => out.push_str(&set.unwrap_or_else(|| other.to_owned())),
                    Some(("+", other)) => out.push_str(set.map_or("", |_| other)),
                    _ => {
                        return Err(Error::Invalid(format!(
                            "unsupported modifier ({rest}) in substitution"
                        )));
                    }
                }
            }
            letter => out.push(letter),
        }
    }
    Ok(out)
}

/// `80`, `80/udp`, `8000-8010/tcp`.
fn ports(text: &str) -> Result<Vec<String>> {
    let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let invalid = || Error::Invalid(format!("invalid containerPort: {text}"));
    let number = |text: &str| text.parse::<u16>().map_err(|_| invalid());
    let (first, last) = (number(first)?, number(last)?);
    let protocol = protocol.to_ascii_lowercase();
    if first > last || !["tcp", "udp", "sctp"].contains(&protocol.as_str()) {
        return Err(invalid());
    }
    Ok((first..=last).map(|port| format!("{port}/{protocol}")).collect())
}

fn health(text: &str) -> Result<HealthConfig> {
    let mut check = HealthConfig::default();
    let mut rest = text;
    while let Some(option) = rest.strip_prefix("--") {
        let (option, after) = option.split_once(char::is_whitespace).unwrap_or((option, ""));
        let unknown = || Error::Invalid(format!("unknown flag: --{option}"));
        let (name, value) = option.split_once('=').ok_or_else(unknown)?;
        let time =
            || duration(value).ok_or_else(|| Error::Invalid(format!("time: invalid duration {value:?}")));
        match name {
            "interval" => check.interval = time()?,
            "timeout" => check.timeout = time()?,
            "start-period" => check.start_period = time()?,
            "start-interval" => check.start_interval = time()?,
            "retries" => {
                check.retries = value
                    .parse()
                    .map_err(|_| Error::Invalid(format!("invalid number of retries: {value}")))?;
            }
            _ => return Err(unknown()),
        }
        rest = after.trim_start();
    }
    let (kind, command_text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    check.test = match kind.to_ascii_uppercase().as_str() {
        "NONE" => vec!["NONE".to_owned()],
        "CMD" if !command_text.trim().is_empty() => match json_words(command_text.trim()) {
            Some(words) => [vec!["CMD".to_owned()], words].concat(),
            None => vec!["CMD-SHELL".to_owned(), command_text.trim().to_owned()],
        },
        "CMD" => return Err(Error::Invalid("Missing command after HEALTHCHECK CMD".to_owned())),
        _ => {
            return Err(Error::Invalid(format!(
                "Unknown type {kind:?} in HEALTHCHECK (try CMD)"
            )));
        }
    };
    Ok(check)
}

/// Nanoseconds of Go's `1h30m`, `1.5s`, `200ms`.
pub(crate) fn duration(text: &str) -> Option<i64> {
    if text.is_empty() {
        return None;
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest
            .find(|letter: char| letter.is_ascii_digit() || letter == '.')
            .unwrap_or(rest.len());
        total += number
            * match &rest[..end] {
                "ns" => 1.0,
                "us" | "µs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 6e10,
                "h" => 3.6e12,
                _ => return None,
            };
        rest = &rest[end..];
    }
    Some(total as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(changes: &[&str]) -> Result<ContainerConfig> {
        let mut config = ContainerConfig {
            env: Some(vec!["PATH=/bin".to_owned()]),
            cmd: Some(vec!["old".to_owned()]),
            ..ContainerConfig::default()
        };
        let changes: Vec<String> = changes.iter().map(|change| (*change).to_owned()).collect();
        apply(&mut config, &changes).map(|()| config)
    }

    #[test]
    fn every_instruction() {
        let config = changed(&[
            "ENV A=1 B=\"two words\" C=${X:-none}$PATH",
            "ENV D some text",
            "expose 80 53/udp 8000-8001",
            "LABEL a=b \"c d\"='e f'",
            "USER app",
            "WORKDIR /srv",
            "WORKDIR sub/../x",
            "VOLUME [\"/data\"]",
            "VOLUME /a /b",
            "STOPSIGNAL SIGQUIT",
            "ONBUILD RUN make",
            "HEALTHCHECK --interval=1m30s --retries=2 CMD true",
            "ENTRYPOINT [\"/init\"]",
        ])
        .unwrap();
        let env = ["PATH=/bin", "A=1", "B=two words", "C=none/bin", "D=some text"];
        assert_eq!(config.env.unwrap(), env);
        let ports: Vec<_> = config.exposed_ports.into_keys().collect();
        assert_eq!(ports, ["53/udp", "80/tcp", "8000/tcp", "8001/tcp"]);
        let labels: Vec<_> = config.labels.unwrap().into_iter().collect();
        assert_eq!(labels, [("a".into(), "b".into()), ("c d".into(), "e f".into())]);
        assert_eq!(
            (config.user.as_str(), config.working_dir.as_str()),
            ("app", "/srv/x")
        );
        let volumes: Vec<_> = config.volumes.unwrap().into_keys().collect();
        assert_eq!(volumes, ["/a", "/b", "/data"]);
        assert_eq!((config.stop_signal.as_str(), config.cmd), ("SIGQUIT", None));
        assert_eq!(config.on_build.unwrap(), ["RUN make"]);
        let health = config.healthcheck.unwrap();
        assert_eq!((health.interval, health.retries), (90_000_000_000, 2));
        assert_eq!(health.test, ["CMD-SHELL", "true"]);
        let config = changed(&["CMD echo hi", "ENTRYPOINT run"]).unwrap();
        assert_eq!(config.cmd.unwrap(), ["/bin/sh", "-c", "echo hi"]);
        assert_eq!(config.entrypoint.unwrap(), ["/bin/sh", "-c", "run"]);
    }

    #[test]
    fn mistakes() {
        for (change, sentence) in [
            ("RUN x", "RUN is not a valid change command"),
            ("from x", "from is not a valid change command"),
            ("EXPOSE x", "invalid containerPort: x"),
            ("ENV A", "ENV must have two arguments"),
            (
                "ONBUILD ONBUILD x",
                "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed",
            ),
            ("STOPSIGNAL NOPE", "invalid signal: NOPE"),
            ("HEALTHCHECK x", "Unknown type \"x\" in HEALTHCHECK (try CMD)"),
        ] {
            assert_eq!(changed(&[change]).unwrap_err().to_string(), sentence);
        }
    }
}
