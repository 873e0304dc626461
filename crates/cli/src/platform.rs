//! `--platform`: an operating system, an architecture, or both with a variant, as Docker's clients (and containerd) read it.

use serde_json::json;

/// The platform this program was built for, which parts left out mean.
const OWN_OS: &str = "linux";
const SYSTEMS: [&str; 16] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
];
const ARCHITECTURES: [&str; 12] = [
    "386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64le", "riscv64",
    "s390x",
];

/// Operating system, architecture and variant, each by its usual name; the variant may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Platform {
    os: String,
    architecture: String,
    variant: String,
}

impl Platform {
    /// Reads `os`, `arch`, `os/arch` or `os/arch/variant`.
    ///
    /// # Errors
    /// In the words of containerd.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let refuse = |reason: &str| Err(format!("{text:?}: {reason}: invalid argument"));
        if text.contains('*') {
            return refuse("wildcards not yet supported");
        }
        let parts: Vec<&str> = text.split('/').collect();
        let is_component = |part: &&str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        };
        if let Some(wrong) = parts.iter().take(3).find(|part| !is_component(part)) {
            return Err(format!(
                "{wrong:?} is an invalid component of {text:?}: platform specifier component must match \
                 \"^[A-Za-z0-9_.-]+$\": invalid argument"
            ));
        }
        let os = system(parts[0]);
        match parts[..] {
            [_] if SYSTEMS.contains(&os.as_str()) => Ok(Self::of(os, own_architecture(), "")),
            [alone] => {
                let platform = Self::of(OWN_OS.to_owned(), alone, "");
                if ARCHITECTURES.contains(&platform.architecture.as_str()) {
                    Ok(platform.without_default())
                } else {
                    refuse("unknown operating system or architecture")
                }
            }
            [_, architecture] => Ok(Self::of(os, architecture, "").without_default()),
            [_, architecture, variant] => {
                let mut platform = Self::of(os, architecture, variant);
                if platform.architecture == "arm64" && platform.variant.is_empty() {
                    platform.variant = "v8".to_owned();
                }
                Ok(platform)
            }
            _ => refuse("cannot parse platform specifier"),
        }
    }

    /// As the API's routes for images want it.
    pub(crate) fn json(&self) -> String {
        let mut value = json!({"architecture": self.architecture, "os": self.os});
        if !self.variant.is_empty() {
            value["variant"] = self.variant.clone().into();
        }
        value.to_string()
    }

    fn of(os: String, architecture: &str, variant: &str) -> Self {
        let (architecture, variant) = (architecture.to_ascii_lowercase(), variant.to_ascii_lowercase());
        let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
            ("i386", _) => ("386", ""),
            ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
            ("x86_64" | "x86-64" | "amd64", variant) => ("amd64", variant),
            ("aarch64" | "arm64", "8" | "v8") => ("arm64", ""),
            ("aarch64" | "arm64", variant) => ("arm64", variant),
            ("armhf", _) => ("arm", "v7"),
            ("armel", _) => ("arm", "v6"),
            ("arm", "" | "7") => ("arm", "v7"),
            ("arm", "5") => ("arm", "v5"),
            ("arm", "6") => ("arm", "v6"),
            ("arm", "8") => ("arm", "v8"),
            other => other,
        };
        Self {
            os,
            architecture: architecture.to_owned(),
            variant: variant.to_owned(),
        }
    }

    /// The usual variant of ARM is not written.
    fn without_default(mut self) -> Self {
        if self.variant == "v7" {
            self.variant.clear();
        }
        self
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() {
            return Ok(());
        }
        write!(out, "/{}", self.variant)
    }
}

fn system(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "macos" => "darwin".to_owned(),
        other => other.to_owned(),
    }
}

fn own_architecture() -> &'static str {
    std::env::consts::ARCH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match Platform::parse(text) {
            Ok(platform) => platform.to_string(),
            Err(error) => error,
        }
    }

    #[test]
    fn forms_and_complaints() {
        for (text, meaning) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/x86_64/v2", "linux/amd64/v2"),
            ("aarch64", "linux/arm64"),
            ("Linux/arm/7", "linux/arm/v7"),
            ("linux/armhf", "linux/arm"),
            ("linux/arm64/8", "linux/arm64/v8"),
            (
                "frob",
                "\"frob\": unknown operating system or architecture: invalid argument",
            ),
            (
                "a/b/c/d",
                "\"a/b/c/d\": cannot parse platform specifier: invalid argument",
            ),
        ] {
            assert_eq!(shown(text), meaning);
        }
        assert!(shown("linux").starts_with("linux/"));
        assert_eq!(
            Platform::parse("linux/arm64/v8").unwrap().json(),
            r#"{"architecture":"arm64","os":"linux","variant":"v8"}"#
        );
    }
}
