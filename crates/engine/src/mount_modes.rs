//! The modes behind a `-v`: `ro`, `z`, `rslave`, ….

/// What the modes of a `-v` say. Those of SELinux and of consistency mean nothing on Linux without SELinux.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Modes<'t> {
    pub(crate) read_only: bool,
    pub(crate) nocopy: bool,
    pub(crate) propagation: Option<&'t str>,
}

impl<'t> Modes<'t> {
    /// Reads modes separated by commas; `None` when one is unknown, or two of a kind are given.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        let mut modes = Self::default();
        let mut kinds = Vec::new();
        if text.is_empty() {
            return Some(modes);
        }
        for mode in text.split(',') {
            let kind = match mode {
                "rw" | "ro" => {
                    modes.read_only = mode == "ro";
                    "access"
                }
                "z" | "Z" => "label",
                "nocopy" => {
                    modes.nocopy = true;
                    "copy"
                }
                "default" | "consistent" | "cached" | "delegated" => "consistency",
                mode if Self::is_propagation(mode) => {
                    modes.propagation = Some(mode);
                    "propagation"
                }
                _ => return None,
            };
            if kinds.contains(&kind) {
                return None;
            }
            kinds.push(kind);
        }
        Some(modes)
    }

    /// Whether a word says how mounts travel.
    pub(crate) fn is_propagation(word: &str) -> bool {
        matches!(
            word,
            "private" | "rprivate" | "slave" | "rslave" | "shared" | "rshared"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_kind() {
        let modes = Modes::parse("ro,z,rslave,nocopy,cached").unwrap();
        assert_eq!(
            modes,
            Modes {
                read_only: true,
                nocopy: true,
                propagation: Some("rslave")
            }
        );
        assert_eq!(Modes::parse(""), Some(Modes::default()));
        for bad in [
            "readonly",
            "ro,rw",
            "ro,ro",
            "z,Z",
            "shared,slave",
            "unbindable",
            "ro,",
            ",",
        ] {
            assert_eq!(Modes::parse(bad), None, "{bad}");
        }
    }
}
