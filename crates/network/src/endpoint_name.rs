//! How the host's ends of containers' interfaces are called, and what has no such end before it has its name.

/// What the names of our veths begin with; eight hexadecimal digits follow. Tools of the host know `veth`.
const VETH_PREFIX: &str = "vethc";

/// The name for the endpoint of this id, 64 hexadecimal digits.
pub(crate) fn host_veth(endpoint_id: &str) -> String {
    format!("{VETH_PREFIX}{}", &endpoint_id[..8])
}

/// What the interface of an endpoint without a veth is called in its container until it gets its own name.
pub(crate) fn unnamed_link(endpoint_id: &str) -> String {
    format!("unnamed{}", &endpoint_id[..8])
}

/// Whether a link of this name is one of ours.
pub(crate) fn is_our_veth(name: &str) -> bool {
    name.strip_prefix(VETH_PREFIX)
        .is_some_and(|rest| rest.len() == 8 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_veths_are_ours() {
        assert!(is_our_veth(&host_veth(&"0123abcd".repeat(8))));
        for name in [
            "veth0123abc",
            "vethcafe",
            "vethc0123abcg",
            "vethc0123abcd1",
            "eth0",
        ] {
            assert!(!is_our_veth(name), "{name}");
        }
    }
}
