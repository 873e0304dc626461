//! `--security-opt` read.

use corten_sandbox::SeccompChoice;

use crate::error::{Error, Result};

/// What the security options come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Security {
    /// `None` when no option speaks of it.
    pub(crate) no_new_privileges: Option<bool>,
    /// `None` when no option speaks of it.
    pub(crate) seccomp: Option<SeccompChoice>,
}

/// Reads the options, `key=value` or `key:value`.
pub(crate) fn parse(options: &[String]) -> Result<Security> {
    let mut security = Security::default();
    for option in options {
        let invalid_at = |step| Error::Invalid(format!("invalid --security-opt {step}: {option:?}"));
        let invalid = || invalid_at(2);
        if option == "no-new-privileges" {
            security.no_new_privileges = Some(true);
            continue;
        }
        let (key, value) = option
            .split_once('=')
            .or_else(|| option.split_once(':'))
            .ok_or_else(|| invalid_at(1))?;
        match (key, value) {
            ("no-new-privileges", value) => {
                security.no_new_privileges = Some(value.parse().map_err(|_| invalid())?);
            }
            ("seccomp", "unconfined") => security.seccomp = Some(SeccompChoice::Unconfined),
            ("seccomp", "builtin") => security.seccomp = Some(SeccompChoice::Default),
            ("seccomp", profile) => security.seccomp = Some(SeccompChoice::Custom(profile.to_owned())),
            // Neither is active here, so leaving it off is what happens anyway.
            ("apparmor", "unconfined") | ("label", "disable") => {}
            ("apparmor" | "label", _) => {
                return Err(Error::Unsupported(format!("the security option {option}")));
            }
            _ => return Err(invalid()),
        }
    }
    Ok(security)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_separators() {
        let get = |text: &str| parse(&[text.to_owned()]);
        assert!(get("no-new-privileges").unwrap().no_new_privileges.unwrap());
        assert!(get("no-new-privileges:true").unwrap().no_new_privileges.unwrap());
        assert!(!get("no-new-privileges=false").unwrap().no_new_privileges.unwrap());
        assert_eq!(
            get("seccomp=unconfined").unwrap().seccomp,
            Some(SeccompChoice::Unconfined)
        );
        assert!(get("frob=1").is_err());
        assert!(get("apparmor=docker-default").is_err());
    }
}
