//! `--docker key=value,…`: where a context is to lead.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::flags::{Flag, Matches};
use crate::spec::csv;

/// The flag.
pub(super) const FLAG: Flag = Flag::list("docker", "set the docker endpoint")
    .of("stringToString")
    .default("[]")
    .check(check);

/// What a verb does, with what help says of the keys.
macro_rules! with_keys {
    ($about:literal, $verb:literal) => {
        concat!(
            $about,
            "\n\nDocker endpoint config:\n\n",
            "NAME                DESCRIPTION\n",
            "from                Copy named context's Docker endpoint configuration\n",
            "host                Docker endpoint on which to connect\n",
            "ca                  Trust certs signed only by this CA\n",
            "cert                Path to TLS certificate file\n",
            "key                 Path to TLS key file\n",
            "skip-tls-verify     Skip TLS certificate validation\n",
            "\nExample:\n\n$ docker context ",
            $verb,
            " my-context --description \"some description\" --docker ",
            "\"host=tcp://myserver:2376,ca=~/ca-file,cert=~/cert-file,key=~/key-file\""
        )
    };
}
pub(super) use with_keys;

/// Judges one `--docker`.
fn check(text: &str) -> Result<(), String> {
    pairs(text).map(drop)
}

/// All of `--docker`; `None` when it was not given.
pub(super) fn of(matches: &Matches) -> Result<Option<BTreeMap<String, String>>, Error> {
    if !matches.has("docker") {
        return Ok(None);
    }
    let mut all = BTreeMap::new();
    for text in matches.list("docker") {
        all.extend(pairs(text).map_err(Error::plain)?);
    }
    Ok(Some(all))
}

/// Pairs as Go's `stringToString` reads them: with two or more equals signs the text is one line of CSV, else one pair.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let fields = match text.matches('=').count() {
        0 => return Err(format!("{text} must be formatted as key=value")),
        1 => vec![text.trim_matches('"').to_owned()],
        _ => csv::fields(text)?,
    };
    let pair = |field: String| match field.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(format!("{field} must be formatted as key=value")),
    };
    fields.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_as_go_reads_them() {
        let read = |text: &str| {
            let pair = |(key, value)| format!("{key}:{value}");
            pairs(text).map(|pairs| pairs.into_iter().map(pair).collect::<Vec<_>>())
        };
        assert_eq!(read("host=tcp://x:1").unwrap(), ["host:tcp://x:1"]);
        assert_eq!(read("host=a,ca=b").unwrap(), ["host:a", "ca:b"]);
        assert_eq!(read("\"ca=a,b\",host=c").unwrap(), ["ca:a,b", "host:c"]);
        assert_eq!(read("host").unwrap_err(), "host must be formatted as key=value");
        assert_eq!(read("").unwrap_err(), " must be formatted as key=value");
    }
}
