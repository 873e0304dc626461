//! Reads JSON by the rules of Go's `encoding/json`, which every client of Docker has come to rely on.
//!
//! Where it differs from `serde_json`: `null` leaves a field at its zero value whatever its type, keys match fields
//! without regard to (ASCII) case, the last of several equal keys wins, and a fixed-size array takes shorter and longer
//! lists. Errors are worded as Go words them, since the daemon passes them on to its clients.

mod direct;
mod error;
mod reader;

use serde::de::Deserialize;
use serde_json::Value;

use direct::Direct;
pub use error::Error;
use reader::Reader;

/// Reads one JSON document into a `T`, which may borrow from it.
///
/// # Errors
/// [`Error::Empty`] when there is nothing but white space, [`Error::Trailing`] when something follows the document;
/// otherwise what is wrong with the syntax or with the type of a field.
pub fn from_slice<'de, T: Deserialize<'de>>(text: &'de [u8]) -> Result<T, Error> {
    match directly(text) {
        Ok(read) => Ok(read),
        Err(_) => from_value(parse(text)?),
    }
}

/// Reads what needs no second look.
fn directly<'de, T: Deserialize<'de>>(text: &'de [u8]) -> serde_json::Result<T> {
    let mut document = serde_json::Deserializer::from_slice(text);
    let read = T::deserialize(Direct(&mut document))?;
    document.end()?;
    Ok(read)
}

/// Reads a parsed JSON document into a `T`.
///
/// # Errors
/// When a field has the wrong type.
pub(crate) fn from_value<'de, T: Deserialize<'de>>(value: Value) -> Result<T, Error> {
    T::deserialize(Reader(value))
}

/// Parses the one document in `text`.
pub(crate) fn parse(text: &[u8]) -> Result<Value, Error> {
    if text.trim_ascii().is_empty() {
        return Err(Error::Empty);
    }
    let mut documents = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
    let value = match documents.next() {
        Some(Ok(value)) => value,
        Some(Err(cause)) => return Err(Error::syntax(&cause, text)),
        None => return Err(Error::Empty),
    };
    if text[documents.byte_offset()..].trim_ascii().is_empty() {
        Ok(value)
    } else {
        Err(Error::Trailing)
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, directly, from_slice};
    use crate::{ContainerConfig, ContainerSummary, ExecCreateRequest, HostConfig};

    fn complaint<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
        from_slice::<T>(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn null_is_the_zero_value_of_any_type() {
        let text = br#"{"Hostname":null,"Tty":null,"Env":null,"Cmd":null,"ExposedPorts":{"80/tcp":null},
            "Labels":{"a":null},"StopTimeout":null,"Healthcheck":{"Interval":null}}"#;
        let config: ContainerConfig = from_slice(text).unwrap();
        assert_eq!(config.hostname, "");
        assert!(config.env.is_none() && config.cmd.is_none() && config.stop_timeout.is_none());
        assert!(config.exposed_ports.contains_key("80/tcp"));
        assert_eq!(config.labels.unwrap()["a"], "");
        assert_eq!(
            from_slice::<ContainerConfig>(b"null").unwrap(),
            ContainerConfig::default()
        );
    }

    #[test]
    fn keys_match_in_any_case_and_strangers_are_ignored() {
        let host: HostConfig =
            from_slice(br#"{"memory":5,"DNS":["1.1.1.1"],"Strange":{"x":[1]},"IpcMode":"host"}"#).unwrap();
        assert_eq!((host.memory, host.ipc_mode.as_str()), (5, "host"));
        assert_eq!(host.dns.unwrap(), ["1.1.1.1"]);
        let twice: HostConfig = from_slice(br#"{"Memory":1,"Memory":2,"memory":3}"#).unwrap();
        assert_eq!(twice.memory, 3);
    }

    #[test]
    fn commands_may_be_one_string_and_arrays_of_any_length() {
        let exec: ExecCreateRequest = from_slice(br#"{"Cmd":"ls","ConsoleSize":[7]}"#).unwrap();
        assert_eq!(exec.cmd.unwrap(), ["ls"]);
        assert_eq!(exec.console_size, Some([7, 0]));
        let exec: ExecCreateRequest = from_slice(br#"{"Cmd":["ls","-l"],"ConsoleSize":[7,8,9]}"#).unwrap();
        assert_eq!(exec.cmd.unwrap(), ["ls", "-l"]);
        assert_eq!(exec.console_size, Some([7, 8]));
    }

    /// What is read while the text is, is what the way by a tree makes of it.
    #[test]
    fn both_ways_read_the_same() {
        fn same<T: serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(text: &str) {
            let tree: T = super::from_value(super::parse(text.as_bytes()).unwrap()).unwrap();
            assert_eq!(directly::<T>(text.as_bytes()).unwrap(), tree, "{text}");
        }
        for text in [
            "null",
            "{}",
            r#"{"Hostname":null,"Tty":null,"Env":null,"Cmd":null,"ExposedPorts":{"80/tcp":null},"StopTimeout":null}"#,
            r#"{"ENV":["A=\u00e4",null],"tty":true,"Cmd":"ls","Strange":[{"x":[1,"]}"]}],"Labels":{"a":null,"b":"c"}}"#,
            r#"{"Healthcheck":{"Interval":7,"Test":["NONE"]},"Volumes":{"/v":{"x":1}},"Entrypoint":["a","b"]}"#,
        ] {
            same::<ContainerConfig>(text);
        }
        for text in [
            r#"{"memory":5,"DNS":["1.1.1.1"],"Strange":{"x":[1]},"IpcMode":"host","BlkioWeight":7,"ReadonlyPaths":[]}"#,
            r#"{"LogConfig":null,"Ulimits":[null,{"Name":"n","Soft":-1}],"PortBindings":{"80/tcp":null,"81/tcp":[]}}"#,
        ] {
            same::<HostConfig>(text);
        }
        for text in [" [ {\"Id\":\"x\",\"Created\":1} , null ] ", "[]", "null"] {
            same::<Vec<ContainerSummary>>(text);
        }
    }

    #[test]
    fn what_is_read_may_borrow() {
        #[derive(serde::Deserialize)]
        struct Borrowing<'a> {
            #[serde(borrow)]
            plain: std::borrow::Cow<'a, str>,
            #[serde(borrow)]
            escaped: std::borrow::Cow<'a, str>,
        }
        let text = br#"{"Plain":"x","escaped":"\n"}"#;
        let read: Borrowing<'_> = from_slice(text).unwrap();
        assert!(matches!(read.plain, std::borrow::Cow::Borrowed("x")));
        assert_eq!(read.escaped, "\n");
    }

    #[test]
    fn wrong_types_name_the_field() {
        assert_eq!(
            complaint::<ContainerConfig>(r#"{"Tty":"yes"}"#),
            "json: cannot unmarshal string into Go struct field ContainerConfig.Tty of type bool"
        );
        assert_eq!(
            complaint::<ContainerConfig>(r#"{"healthcheck":{"Retries":1.5}}"#),
            "json: cannot unmarshal number 1.5 into Go struct field ContainerConfig.Healthcheck.Retries of type int64"
        );
        assert_eq!(
            complaint::<HostConfig>(r#"{"BlkioWeight":70000}"#),
            "json: cannot unmarshal number 70000 into Go struct field HostConfig.BlkioWeight of type uint16"
        );
        assert_eq!(
            complaint::<ContainerConfig>(r#"{"Image":7}"#),
            "json: cannot unmarshal number into Go struct field ContainerConfig.Image of type string"
        );
        assert_eq!(
            complaint::<HostConfig>("[]"),
            "json: cannot unmarshal array into Go value of type HostConfig"
        );
        assert_eq!(
            complaint::<ContainerConfig>(r#"{"Env":"A=1"}"#),
            "json: cannot unmarshal string into Go struct field ContainerConfig.Env of type slice"
        );
        assert!(from_slice::<ContainerConfig>(br#"{"Cmd":7}"#).is_err());
    }

    #[test]
    fn syntax_errors_read_as_in_go() {
        let of = complaint::<HostConfig>;
        assert_eq!(
            of("{invalid"),
            "invalid character 'i' looking for beginning of object key string"
        );
        assert_eq!(of("nope"), "invalid character 'o' in literal null");
        assert_eq!(of("?"), "invalid character '?' looking for beginning of value");
        assert_eq!(of(r#"{"a" 1}"#), "invalid character '1' after object key");
        assert_eq!(
            of(r#"{"a":1 "b"}"#),
            "invalid character '\"' after object key:value pair"
        );
        assert_eq!(of("[1 2]"), "invalid character '2' after array element");
        assert_eq!(of(r#"{"a":"#), "unexpected EOF");
        assert!(matches!(from_slice::<HostConfig>(b" \n"), Err(Error::Empty)));
        assert!(matches!(from_slice::<HostConfig>(b"{} {}"), Err(Error::Trailing)));
        assert!(matches!(from_slice::<HostConfig>(b"{}x"), Err(Error::Trailing)));
    }
}
