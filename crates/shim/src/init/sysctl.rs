//! Kernel parameters of the container's own namespaces.

use std::collections::HashMap;
use std::path::Path;

use corten_shim_api::ErrorStage;
use corten_types::is_ipc_sysctl;
use rustix::fs::{OFlags, PROC_SUPER_MAGIC, fstatfs};
use rustix::io::Errno;

use super::root::Root;
use crate::failure::{Context, Result, failure};
use crate::namespaces::Namespaces;

/// Refuses parameters that would change the host.
///
/// # Errors
/// In runc's words.
pub fn check(parameters: &HashMap<String, String>, namespaces: &Namespaces<'_>) -> Result<()> {
    for name in parameters.keys() {
        let key = name.replace('/', ".");
        let namespace = if is_ipc_sysctl(&key) {
            libc::CLONE_NEWIPC
        } else if key.starts_with("net.") {
            libc::CLONE_NEWNET
        } else if key == "kernel.domainname" || key == "kernel.hostname" {
            libc::CLONE_NEWUTS
        } else {
            0
        };
        // An empty part is one of two dots, too, once slashes separate.
        let climbs = key.split('.').any(str::is_empty);
        if namespace == 0 || climbs || !namespaces.has_own(namespace) {
            return Err(failure(
                ErrorStage::Spec,
                format!("sysctl {name:?} is not in a separate kernel namespace"),
            ));
        }
    }
    Ok(())
}

/// Sets them, inside the new root.
///
/// # Errors
/// The kernel's.
pub fn apply(root: &Root, parameters: &HashMap<String, String>) -> Result<()> {
    for (name, value) in parameters {
        // A dot separates, unless slashes do already (names of interfaces hold dots).
        let path = if name.contains('/') {
            name.clone()
        } else {
            name.replace('.', "/")
        };
        let path = Path::new("/proc/sys").join(path.trim_start_matches('/'));
        write(root, &path, value).context(ErrorStage::Rights, || {
            format!("error during container init: open {}", path.display())
        })?;
    }
    Ok(())
}

fn write(root: &Root, path: &Path, value: &str) -> std::result::Result<(), Errno> {
    let file = root.open_file(path, OFlags::WRONLY)?;
    // An image without a mounted /proc must not make this write elsewhere.
    if fstatfs(&file)?.f_type != PROC_SUPER_MAGIC {
        return Err(Errno::NOENT);
    }
    rustix::io::write(&file, value.as_bytes()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_containers_own_parameters() {
        let own = Namespaces {
            new: libc::CLONE_NEWIPC,
            prepared_network: true,
            ..Namespaces::default()
        };
        let check = |name: &str| check(&HashMap::from([(name.to_owned(), "1".to_owned())]), &own).is_ok();
        assert!(
            check("kernel.shmmax")
                && check("net.ipv4.ip_forward")
                && check("net/ipv4/conf/eth0.1/forwarding")
        );
        assert!(!check("kernel.panic") && !check("kernel.hostname") && !check("vm.swappiness"));
        assert!(!check("net/../vm/swappiness") && !check("net/ipv4/../../kernel/panic"));
    }
}
