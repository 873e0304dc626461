//! Identifiers and names for containers that were given none.

use corten_types::ContainerId;
use rustix::rand::{GetRandomFlags, getrandom};

const QUALITIES: [&str; 64] = [
    "able", "airy", "amber", "ample", "apt", "astute", "balmy", "bold", "brave", "bright", "brisk", "calm",
    "candid", "civil", "clever", "cosy", "crisp", "daring", "deft", "eager", "earnest", "fair", "fleet",
    "fond", "frank", "fresh", "gentle", "glad", "grand", "hardy", "hearty", "honest", "humble", "keen",
    "kind", "lively", "loyal", "lucid", "mellow", "merry", "mild", "modest", "neat", "nimble", "noble",
    "patient", "placid", "plucky", "polite", "prompt", "proud", "quick", "quiet", "ready", "robust",
    "serene", "sharp", "sincere", "steady", "sturdy", "sunny", "swift", "tidy", "witty",
];

const PEOPLE: [&str; 64] = [
    "abel",
    "agnesi",
    "ampere",
    "archimedes",
    "babbage",
    "banach",
    "bardeen",
    "bernoulli",
    "bessel",
    "bohr",
    "boole",
    "borg",
    "cantor",
    "cauchy",
    "chandra",
    "clarke",
    "copernicus",
    "cori",
    "curie",
    "darwin",
    "dijkstra",
    "dirac",
    "einstein",
    "euclid",
    "euler",
    "faraday",
    "fermat",
    "fermi",
    "feynman",
    "fourier",
    "franklin",
    "galileo",
    "galois",
    "gauss",
    "germain",
    "goedel",
    "hamilton",
    "hawking",
    "herschel",
    "hertz",
    "hilbert",
    "hopper",
    "huygens",
    "hypatia",
    "jacobi",
    "kepler",
    "knuth",
    "lagrange",
    "lamarr",
    "laplace",
    "leibniz",
    "lovelace",
    "maxwell",
    "meitner",
    "mendel",
    "newton",
    "noether",
    "pascal",
    "pasteur",
    "planck",
    "riemann",
    "shannon",
    "turing",
    "volta",
];

/// 32 random bytes from the kernel.
fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    let mut filled = 0;
    while filled < bytes.len() {
        // Only a signal can cut a request of this size short, and nothing else can fail after boot.
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty()).unwrap_or(0);
    }
    bytes
}

/// A fresh container identifier.
pub(crate) fn new_id() -> ContainerId {
    loop {
        let id = ContainerId::from_bytes(random_bytes());
        if !id.short_is_number() {
            return id;
        }
    }
}

/// A fresh name such as `swift_noether`; from the sixth attempt on with a digit, so that some name is always free.
pub(crate) fn new_name(attempt: u32) -> String {
    let bytes = random_bytes();
    let pick = |list: &[&'static str; 64], byte: u8| list[usize::from(byte % 64)];
    let name = format!("{}_{}", pick(&QUALITIES, bytes[0]), pick(&PEOPLE, bytes[1]));
    if attempt < 5 {
        return name;
    }
    let number = u32::from_le_bytes([bytes[2], bytes[3], bytes[4], 0]);
    format!("{name}{number}")
}

/// Whether `name` may name a container (Docker's rule: two or more of `[a-zA-Z0-9_.-]`, the first a letter or digit).
pub(crate) fn is_valid(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() >= 2
        && bytes[0].is_ascii_alphanumeric()
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_names_are_valid_and_vary() {
        for attempt in [0, 9] {
            assert!(is_valid(&new_name(attempt)));
        }
        let names: std::collections::BTreeSet<_> = (0..50).map(|_| new_name(9)).collect();
        assert!(names.len() > 40);
        assert_ne!(new_id(), new_id());
    }

    #[test]
    fn odd_names_are_refused() {
        for bad in ["", "a", "-ab", "a b", "a/b", "ü1", "_ab", ".ab"] {
            assert!(!is_valid(bad), "{bad}");
        }
        assert!(is_valid("a.b-c_1"));
    }
}
