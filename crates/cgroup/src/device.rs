//! Device rules: their meaning, and their form on v1.
//!
//! A rule is read bit by bit: for each of read, write and mknod the last rule that matches the device and names the
//! bit wins (runtime-spec, "Allowed Device list"); with no match, access is denied.

use oci_spec::runtime::{LinuxDeviceCgroup, LinuxDeviceType};

use crate::{Error, Result};

/// Creating the node.
pub(crate) const MKNOD: u32 = 1;
/// Opening for reading. The numbers are those of `BPF_DEVCG_ACC_*`.
pub(crate) const READ: u32 = 2;
/// Opening for writing.
pub(crate) const WRITE: u32 = 4;
/// All of them.
pub(crate) const ALL: u32 = MKNOD | READ | WRITE;

/// An OCI rule with its words checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) allow: bool,
    pub(crate) kind: Kind,
    /// `None` is any.
    pub(crate) major: Option<u32>,
    /// `None` is any.
    pub(crate) minor: Option<u32>,
    /// Bits of [`ALL`].
    pub(crate) access: u32,
}

/// Type of a device node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Both.
    Any,
    /// Block.
    Block,
    /// Character.
    Char,
}

impl Rule {
    /// Checks a rule of the spec.
    pub(crate) fn new(rule: &LinuxDeviceCgroup) -> Result<Self> {
        let kind = match rule.typ().unwrap_or_default() {
            LinuxDeviceType::A => Kind::Any,
            LinuxDeviceType::B => Kind::Block,
            LinuxDeviceType::C | LinuxDeviceType::U => Kind::Char,
            LinuxDeviceType::P => return Err(invalid("p", "a FIFO is not subject to device rules")),
        };
        let mut access = 0;
        for letter in rule.access().as_deref().unwrap_or_default().chars() {
            access |= match letter {
                'r' => READ,
                'w' => WRITE,
                'm' => MKNOD,
                _ => return Err(invalid(&letter.to_string(), "access is made of r, w and m")),
            };
        }
        Ok(Self {
            allow: rule.allow(),
            kind,
            major: number(rule.major())?,
            minor: number(rule.minor())?,
            access: if access == 0 { ALL } else { access },
        })
    }

    /// Whether the rule decides on every access to every device.
    pub(crate) fn is_everything(self) -> bool {
        self.kind == Kind::Any && self.major.is_none() && self.minor.is_none() && self.access == ALL
    }

    fn same_devices(self, other: Self) -> bool {
        (self.kind, self.major, self.minor) == (other.kind, other.major, other.minor)
    }

    /// Whether some access to some device is subject to both.
    fn overlaps(self, other: Self) -> bool {
        let number = |a: Option<u32>, b: Option<u32>| a.is_none() || b.is_none() || a == b;
        (self.kind == Kind::Any || other.kind == Kind::Any || self.kind == other.kind)
            && number(self.major, other.major)
            && number(self.minor, other.minor)
            && self.access & other.access != 0
    }

    /// `c 1:3 rwm`, as the v1 files take it.
    fn line(self, kind: char) -> String {
        let number = |n: Option<u32>| n.map_or_else(|| "*".to_owned(), |n| n.to_string());
        let mut line = format!("{kind} {}:{} ", number(self.major), number(self.minor));
        for (bit, letter) in [(READ, 'r'), (WRITE, 'w'), (MKNOD, 'm')] {
            if self.access & bit != 0 {
                line.push(letter);
            }
        }
        line
    }
}

/// One write to a v1 devices cgroup.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// `devices.allow` or `devices.deny`.
    pub(crate) file: &'static str,
    /// The rule.
    pub(crate) value: String,
}

/// The v1 writes that give `rules` their meaning.
///
/// v1 keeps a default and a list of exceptions. It silently ignores a rule that cuts a piece out of a wider exception,
/// which would leave open what was to be closed: such a list is refused.
pub(crate) fn v1_lines(rules: &[LinuxDeviceCgroup]) -> Result<Vec<Line>> {
    let rules = rules.iter().map(Rule::new).collect::<Result<Vec<_>>>()?;
    let mut lines = Vec::with_capacity(rules.len() + 1);
    // The new group starts as a copy of its parent's; rules start from nothing allowed.
    let mut default_allow = false;
    let mut exceptions: Vec<Rule> = Vec::new();
    if !rules.first().is_some_and(|rule| rule.is_everything()) {
        lines.push(Line {
            file: "devices.deny",
            value: "a".into(),
        });
    }
    for rule in rules {
        let file = if rule.allow {
            "devices.allow"
        } else {
            "devices.deny"
        };
        if rule.is_everything() {
            default_allow = rule.allow;
            exceptions.clear();
            lines.push(Line {
                file,
                value: "a".into(),
            });
            continue;
        }
        let kinds: &[(Kind, char)] = match rule.kind {
            Kind::Any => &[(Kind::Block, 'b'), (Kind::Char, 'c')],
            Kind::Block => &[(Kind::Block, 'b')],
            Kind::Char => &[(Kind::Char, 'c')],
        };
        for &(kind, letter) in kinds {
            let rule = Rule { kind, ..rule };
            if rule.allow != default_allow {
                exceptions.push(rule);
            } else if exceptions
                .iter()
                .any(|e| e.overlaps(rule) && !e.same_devices(rule))
            {
                return Err(Error::Unsupported {
                    setting: format!("device rule \"{}\" within a wider one", rule.line(letter)),
                    by: "cgroup v1",
                });
            }
            lines.push(Line {
                file,
                value: rule.line(letter),
            });
        }
    }
    Ok(lines)
}

fn number(number: Option<i64>) -> Result<Option<u32>> {
    match number {
        None | Some(-1) => Ok(None),
        Some(number) => match u32::try_from(number) {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(invalid(
                &number.to_string(),
                "device numbers are 32 bits, -1 is any",
            )),
        },
    }
}

fn invalid(value: &str, reason: &'static str) -> Error {
    Error::Invalid {
        setting: "device rule",
        value: value.to_owned(),
        reason,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// `allow c 1:3 rwm`, `deny a *:* rwm`, … as OCI rules.
    pub(crate) fn rules(text: &str) -> Vec<LinuxDeviceCgroup> {
        let number = |n: &str| if n == "*" { None } else { Some(n.parse().unwrap()) };
        text.lines()
            .map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let (major, minor) = words[2].split_once(':').unwrap();
                let mut rule = LinuxDeviceCgroup::default();
                rule.set_allow(words[0] == "allow")
                    .set_typ(words[1].parse::<LinuxDeviceType>().ok())
                    .set_major(number(major))
                    .set_minor(number(minor))
                    .set_access(Some(words[3].to_owned()));
                rule
            })
            .collect()
    }

    fn lines(text: &str) -> String {
        let lines = v1_lines(&rules(text)).unwrap();
        lines
            .iter()
            .map(|l| format!("{} {}\n", l.file, l.value))
            .collect()
    }

    #[test]
    fn usual_list_is_written_as_it_is() {
        assert_eq!(
            lines("deny a *:* rwm\nallow c *:* m\nallow c 1:3 rwm\nallow c 136:* rwm"),
            "devices.deny a\ndevices.allow c *:* m\ndevices.allow c 1:3 rwm\ndevices.allow c 136:* rwm\n"
        );
    }

    #[test]
    fn a_list_without_a_first_word_on_everything_starts_denied() {
        assert_eq!(lines("allow b 8:0 r"), "devices.deny a\ndevices.allow b 8:0 r\n");
        assert_eq!(lines("allow a *:* rwm"), "devices.allow a\n");
        assert_eq!(
            lines("allow a 5:1 rw"),
            "devices.deny a\ndevices.allow b 5:1 rw\ndevices.allow c 5:1 rw\n"
        );
    }

    #[test]
    fn what_v1_cannot_express_is_refused() {
        let hole = rules("deny a *:* rwm\nallow c *:* rwm\ndeny c 1:1 w");
        assert!(matches!(v1_lines(&hole), Err(Error::Unsupported { .. })));
        // Taking back exactly what was given, or something untouched, is fine.
        assert!(lines("deny a *:* rwm\nallow c 1:1 rwm\ndeny c 1:1 w\ndeny b 8:0 r").ends_with("b 8:0 r\n"));
    }

    #[test]
    fn senseless_rules_are_refused() {
        for text in ["allow p *:* r", "allow c *:* x", "allow c 99999999999:1 r"] {
            assert!(
                matches!(v1_lines(&rules(text)), Err(Error::Invalid { .. })),
                "{text}"
            );
        }
    }
}
