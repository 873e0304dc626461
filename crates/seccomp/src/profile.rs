//! Docker's profile format, read from JSON and checked.

use serde::{Deserialize, Deserializer};

use crate::{Action, Error, Result, arch};

/// A seccomp profile: which system calls a container may make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The answer to calls no rule speaks of.
    pub default_action: Action,
    /// Architectures to accept calls of, by libseccomp name; the native one is always among them.
    pub architectures: Vec<String>,
    /// The same by native architecture: the entry of the machine's own counts.
    pub arch_map: Vec<(String, Vec<String>)>,
    /// `SECCOMP_FILTER_FLAG_*` names; `None` is the default, which differs from the empty list.
    pub flags: Option<Vec<String>>,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// An answer for some calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Names of the calls; names the machine does not have are skipped.
    pub names: Vec<String>,
    /// The answer.
    pub action: Action,
    /// What the arguments must be, all of it; but if an argument is spoken of twice, any of it (runc's reading).
    pub arguments: Vec<Argument>,
    /// The rule holds only where all of this does.
    pub includes: Conditions,
    /// The rule does not hold where any of this does.
    pub excludes: Conditions,
}

/// A condition on one argument of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Argument {
    /// Which argument, 0 to 5.
    pub index: u32,
    /// The value to compare with; the mask for [`Comparison::MaskedEq`].
    #[serde(default)]
    pub value: u64,
    /// The value to be left after masking.
    #[serde(default)]
    pub value_two: u64,
    /// The comparison, unsigned.
    pub op: Comparison,
}

/// How an argument is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Comparison {
    /// Not equal.
    #[serde(rename = "SCMP_CMP_NE")]
    Ne,
    /// Less.
    #[serde(rename = "SCMP_CMP_LT")]
    Lt,
    /// Less or equal.
    #[serde(rename = "SCMP_CMP_LE")]
    Le,
    /// Equal.
    #[serde(rename = "SCMP_CMP_EQ")]
    Eq,
    /// Greater or equal.
    #[serde(rename = "SCMP_CMP_GE")]
    Ge,
    /// Greater.
    #[serde(rename = "SCMP_CMP_GT")]
    Gt,
    /// Equal after masking.
    #[serde(rename = "SCMP_CMP_MASKED_EQ")]
    MaskedEq,
}

/// What a rule depends on besides the call. An empty list says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Native machines by Go's names (`amd64`).
    pub machines: Vec<String>,
    /// Capabilities in the bounding set (`CAP_SYS_ADMIN`).
    pub capabilities: Vec<String>,
    /// At least this kernel version.
    pub min_kernel: Option<(u32, u32)>,
}

impl Profile {
    /// Reads a profile as `--security-opt seccomp=FILE` takes it.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let raw: RawProfile = serde_json::from_slice(json)?;
        if !raw.architectures.is_empty() && !raw.arch_map.is_empty() {
            return Err(Error::ArchitecturesAndMap);
        }
        if !raw.listener_path.is_empty() || !raw.listener_metadata.is_empty() {
            return Err(Error::Unsupported("listenerPath"));
        }
        let map: Vec<_> = raw
            .arch_map
            .into_iter()
            .map(|entry| (entry.architecture, entry.sub_architectures))
            .collect();
        let mapped = map
            .iter()
            .flat_map(|(arch, subs)| std::iter::once(arch).chain(subs));
        if let Some(name) = raw
            .architectures
            .iter()
            .chain(mapped)
            .find(|name| !arch::is_known(name))
        {
            return Err(Error::Word {
                what: "architecture",
                value: name.clone(),
            });
        }
        Ok(Self {
            default_action: Action::parse(&raw.default_action, raw.default_errno_ret)?,
            architectures: raw.architectures,
            arch_map: map,
            flags: raw.flags,
            rules: raw
                .syscalls
                .into_iter()
                .map(RawRule::check)
                .collect::<Result<_>>()?,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawProfile {
    default_action: String,
    default_errno_ret: Option<u16>,
    #[serde(default, deserialize_with = "null_is_empty")]
    architectures: Vec<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    arch_map: Vec<RawArchMap>,
    flags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "null_is_empty")]
    listener_path: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    listener_metadata: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    syscalls: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawArchMap {
    architecture: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    sub_architectures: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawRule {
    #[serde(default, deserialize_with = "null_is_empty")]
    name: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    names: Vec<String>,
    action: String,
    errno_ret: Option<u16>,
    #[serde(default, deserialize_with = "null_is_empty")]
    args: Vec<Argument>,
    #[serde(default, deserialize_with = "null_is_empty")]
    includes: RawConditions,
    #[serde(default, deserialize_with = "null_is_empty")]
    excludes: RawConditions,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawConditions {
    #[serde(default, deserialize_with = "null_is_empty")]
    arches: Vec<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    caps: Vec<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    min_kernel: String,
}

impl RawRule {
    fn check(mut self) -> Result<Rule> {
        if !self.name.is_empty() {
            if !self.names.is_empty() {
                return Err(Error::NameAndNames);
            }
            self.names.push(self.name);
        }
        if let Some(argument) = self.args.iter().find(|argument| argument.index > 5) {
            return Err(Error::Word {
                what: "argument index",
                value: argument.index.to_string(),
            });
        }
        Ok(Rule {
            names: self.names,
            action: Action::parse(&self.action, self.errno_ret)?,
            arguments: self.args,
            includes: self.includes.check()?,
            excludes: self.excludes.check()?,
        })
    }
}

impl RawConditions {
    fn check(self) -> Result<Conditions> {
        let min_kernel = match self.min_kernel.as_str() {
            "" => None,
            version => Some(parse_version(version).ok_or_else(|| Error::Word {
                what: "minimum kernel version",
                value: version.to_owned(),
            })?),
        };
        Ok(Conditions {
            machines: self.arches,
            capabilities: self.caps,
            min_kernel,
        })
    }
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Go writes absent lists and objects as `null`.
fn null_is_empty<'de, D, T>(deserializer: D) -> std::result::Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        Profile::from_json(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn reads_the_whole_format() {
        let json = r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
            "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": null}],
            "flags": ["SECCOMP_FILTER_FLAG_LOG"],
            "syscalls": [{"name": "read", "action": "SCMP_ACT_ALLOW", "args": null, "comment": "x"},
                {"names": ["clone"], "action": "SCMP_ACT_TRACE", "errnoRet": 7,
                 "args": [{"index": 1, "value": 15, "valueTwo": 3, "op": "SCMP_CMP_MASKED_EQ"}],
                 "includes": {"arches": ["amd64"], "minKernel": "4.8"}, "excludes": {"caps": ["CAP_BPF"]}}]}"#;
        let profile = Profile::from_json(json.as_bytes()).unwrap();
        assert_eq!(profile.default_action, Action::Errno(38));
        assert_eq!(profile.rules[0].names, ["read"]);
        let rule = &profile.rules[1];
        assert_eq!(rule.action, Action::Trace(7));
        let argument = Argument {
            index: 1,
            value: 15,
            value_two: 3,
            op: Comparison::MaskedEq,
        };
        assert_eq!(rule.arguments, [argument]);
        assert_eq!(rule.includes.min_kernel, Some((4, 8)));
        assert_eq!(rule.excludes.capabilities, ["CAP_BPF"]);
    }

    #[test]
    fn refuses_what_it_cannot_do() {
        let rule = |rule: &str| format!(r#"{{"defaultAction": "SCMP_ACT_KILL", "syscalls": [{rule}]}}"#);
        assert_eq!(error("{"), "decoding seccomp profile failed");
        assert_eq!(
            error(r#"{"defaultAction": "ALLOW"}"#),
            "invalid seccomp action \"ALLOW\""
        );
        assert_eq!(
            error(&rule(r#"{"names": ["a"], "action": "SCMP_ACT_NOTIFY"}"#)),
            "seccomp profile: SCMP_ACT_NOTIFY is not supported"
        );
        assert_eq!(
            error(r#"{"defaultAction": "SCMP_ACT_KILL", "listenerPath": "/x"}"#),
            "seccomp profile: listenerPath is not supported"
        );
        assert_eq!(
            error(r#"{"defaultAction": "SCMP_ACT_KILL", "architectures": ["SCMP_ARCH_PDP11"]}"#),
            "invalid seccomp architecture \"SCMP_ARCH_PDP11\""
        );
        assert!(
            error(&rule(
                r#"{"name": "a", "names": ["b"], "action": "SCMP_ACT_KILL"}"#
            ))
            .starts_with("'name'")
        );
        assert_eq!(
            error(&rule(
                r#"{"name": "a", "action": "SCMP_ACT_KILL", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]}"#
            )),
            "invalid seccomp argument index \"6\""
        );
        assert_eq!(
            error(&rule(
                r#"{"name": "a", "action": "SCMP_ACT_KILL", "includes": {"minKernel": "4"}}"#
            )),
            "invalid seccomp minimum kernel version \"4\""
        );
    }
}
