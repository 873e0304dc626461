//! Who a process runs as, found in the container's own user database.

use std::io::Read;

use corten_shim_api::ErrorStage;
use oci_spec::runtime::User as SpecUser;
use rustix::fs::{FileType, Gid, Mode, OFlags, Uid, fstat};

use crate::failure::{Context, Result, failure};

/// Highest user and group number Docker accepts.
const MAX_ID: i64 = (1 << 31) - 1;
/// What a process gets if nothing else is said.
const DEFAULT_UMASK: u32 = 0o022;

/// A user, resolved.
#[derive(Debug, PartialEq, Eq)]
pub struct User {
    /// User number.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// Home directory.
    pub home: String,
}

impl User {
    /// Resolves a specification's user: by name (`user`, `user:group`, numbers allowed, empty for root) if it has one, else
    /// by its numbers. `more` are names of groups it gets besides.
    ///
    /// # Errors
    /// In Docker's words when there is no such user or group.
    pub fn resolve(user: &SpecUser, more: &[String]) -> Result<Self> {
        let passwd = read("/etc/passwd");
        let Some(name) = user.username() else {
            let home = entries(&passwd).find(|entry| number(entry, 2) == Some(i64::from(user.uid())));
            return Ok(Self {
                uid: user.uid(),
                gid: user.gid(),
                groups: user.additional_gids().clone().unwrap_or_default(),
                home: home_of(home),
            });
        };
        let group = read("/etc/group");
        let mut resolved = Self::find(name, &passwd, &group)?;
        resolved.groups.extend(user.additional_gids().iter().flatten());
        for name in more {
            resolved.groups.push(find_additional_group(name, &group)?);
        }
        Ok(resolved)
    }

    fn find(name: &str, passwd: &str, group: &str) -> Result<Self> {
        let (user_part, group_part) = name.split_once(':').unwrap_or((name, ""));
        let wanted = user_part.parse::<i64>().ok();
        let entry = entries(passwd).find(|entry| match wanted {
            Some(id) => number(entry, 2) == Some(id),
            None if user_part.is_empty() => number(entry, 2) == Some(0),
            None => entry.first() == Some(&user_part),
        });
        let uid = match (&entry, wanted) {
            (Some(entry), _) => checked(number(entry, 2).unwrap_or(0))?,
            (None, Some(id)) => checked(id)?,
            (None, None) if user_part.is_empty() => 0,
            (None, None) => {
                return Err(failure(
                    ErrorStage::User,
                    format!("unable to find user {user_part}: no matching entries in passwd file"),
                ));
            }
        };
        let mut gid = checked(entry.as_ref().and_then(|entry| number(entry, 3)).unwrap_or(0))?;
        let mut groups = Vec::new();
        if !group_part.is_empty() {
            gid = find_group(group_part, group)?;
        } else if let Some(name) = entry.as_ref().and_then(|entry| entry.first()) {
            let member = |entry: &Vec<&str>| {
                entry
                    .get(3)
                    .is_some_and(|list| list.split(',').any(|m| m == *name))
            };
            groups.extend(
                entries(group)
                    .filter(member)
                    .filter_map(|entry| u32::try_from(number(&entry, 2)?).ok()),
            );
        }
        // The primary group stays a group of the process when it drops it as its own (CVE-2022-36109).
        groups.insert(0, gid);
        Ok(Self {
            uid,
            gid,
            groups,
            home: home_of(entry),
        })
    }

    /// Becomes this user. Capabilities are kept as permitted ones; the caller sets them next.
    ///
    /// # Errors
    /// The kernel's.
    pub fn assume(&self, umask: Option<u32>) -> Result<()> {
        rustix::process::umask(Mode::from_raw_mode(umask.unwrap_or(DEFAULT_UMASK)));
        let assume = || {
            rustix::thread::set_keep_capabilities(true)?;
            let groups: Vec<Gid> = self.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
            rustix::thread::set_thread_groups(&groups)?;
            let gid = Gid::from_raw(self.gid);
            rustix::thread::set_thread_res_gid(gid, gid, gid)?;
            let uid = Uid::from_raw(self.uid);
            rustix::thread::set_thread_res_uid(uid, uid, uid)?;
            rustix::thread::set_keep_capabilities(false)
        };
        assume().context(ErrorStage::Rights, || {
            "error during container init: unable to setup user".into()
        })
    }
}

fn find_group(name: &str, group: &str) -> Result<u32> {
    let wanted = name.parse::<i64>().ok();
    let entry = entries(group).find(|entry| match wanted {
        Some(id) => number(entry, 2) == Some(id),
        None => entry.first() == Some(&name),
    });
    match (entry, wanted) {
        (Some(entry), _) => checked(number(&entry, 2).unwrap_or(0)),
        (None, Some(id)) => checked(id),
        (None, None) => Err(failure(
            ErrorStage::User,
            format!("unable to find group {name}: no matching entries in group file"),
        )),
    }
}

fn find_additional_group(name: &str, group: &str) -> Result<u32> {
    let entry = entries(group).find(|entry| entry.first() == Some(&name));
    match entry {
        Some(entry) => checked(number(&entry, 2).unwrap_or(0)),
        None => Err(failure(
            ErrorStage::User,
            format!("Unable to find group {name}: no matching entries in group file"),
        )),
    }
}

fn checked(id: i64) -> Result<u32> {
    if (0..=MAX_ID).contains(&id) {
        Ok(id as u32)
    } else {
        Err(failure(
            ErrorStage::User,
            format!("uids and gids must be in range 0-{MAX_ID}"),
        ))
    }
}

/// Lines of a user database, split at colons.
fn entries(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split(':').collect())
}

fn number(entry: &[&str], field: usize) -> Option<i64> {
    entry.get(field)?.parse().ok()
}

fn home_of(entry: Option<Vec<&str>>) -> String {
    let home = entry.and_then(|entry| entry.get(5).map(|home| (*home).to_owned()));
    home.filter(|home| !home.is_empty())
        .unwrap_or_else(|| "/".to_owned())
}

/// The text of a file of the image, which may well be missing, or be no ordinary file at all.
fn read(path: &str) -> String {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut bytes = Vec::new();
    if let Ok(file) = rustix::fs::open(path, flags, Mode::empty())
        && fstat(&file).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
    {
        // A file that cannot be read is as good as missing.
        let _unreadable = std::fs::File::from(file).take(16 << 20).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n# no\nweb:x:33:34:w:/var/www:/bin/false\n";
    const GROUP: &str = "root:x:0:\naudio:x:29:web,other\nstaff:x:50:web\nwheel:x:10:root\n";

    fn find(name: &str) -> std::result::Result<(u32, u32, Vec<u32>, String), String> {
        User::find(name, PASSWD, GROUP)
            .map(|user| (user.uid, user.gid, user.groups, user.home))
            .map_err(|failure| failure.message)
    }

    #[test]
    fn names_numbers_and_groups() {
        assert_eq!(find("").unwrap(), (0, 0, vec![0, 10], "/root".into()));
        assert_eq!(
            find("web").unwrap(),
            (33, 34, vec![34, 29, 50], "/var/www".into())
        );
        assert_eq!(find("33").unwrap().2, [34, 29, 50]);
        assert_eq!(find("web:staff").unwrap(), (33, 50, vec![50], "/var/www".into()));
        assert_eq!(find("1000:77").unwrap(), (1000, 77, vec![77], "/".into()));
        assert_eq!(find("1000").unwrap(), (1000, 0, vec![0], "/".into()));
    }

    #[test]
    fn dockers_sentences() {
        assert_eq!(
            find("bob").unwrap_err(),
            "unable to find user bob: no matching entries in passwd file"
        );
        assert_eq!(
            find("web:x").unwrap_err(),
            "unable to find group x: no matching entries in group file"
        );
        assert_eq!(find_additional_group("audio", GROUP).unwrap(), 29);
        assert_eq!(
            find_additional_group("nosuch", GROUP).unwrap_err().message,
            "Unable to find group nosuch: no matching entries in group file"
        );
        assert_eq!(
            find("2147483648").unwrap_err(),
            "uids and gids must be in range 0-2147483647"
        );
    }
}
