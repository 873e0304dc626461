//! `host:port`, as people write it.

/// Completes `host`, `:port` or `host:port`, where a host that is left out is this machine; `None` when there is more to it, or
/// the port is no number.
pub fn complete_authority(text: &str, default_port: &str) -> Option<String> {
    if text.contains('/') {
        return None;
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (text, default_port),
    };
    let host = if host.is_empty() { "localhost" } else { host };
    port.parse::<u16>().ok()?;
    Some(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_added() {
        for (text, whole) in [
            ("10.0.0.1:99", Some("10.0.0.1:99")),
            ("10.0.0.1", Some("10.0.0.1:2375")),
            ("", Some("localhost:2375")),
            (":99", Some("localhost:99")),
            ("[::1]", Some("[::1]:2375")),
            ("[::1]:99", Some("[::1]:99")),
            ("host:port", None),
            ("host:1/path", None),
        ] {
            assert_eq!(complete_authority(text, "2375").as_deref(), whole, "{text}");
        }
    }
}
