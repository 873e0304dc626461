//! Compiled system call filters, each made once and kept as a file that shims read.

use std::collections::HashMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use corten_seccomp::{Arch, Profile, Target, compile};
use oci_spec::runtime::Capabilities;

use crate::error::{Error, Result};

/// Loading a filter does not turn on mitigations against speculation, which cost dearly and which runc leaves off.
const SECCOMP_FILTER_FLAG_SPEC_ALLOW: u32 = 1 << 2;

/// Which system call filter a container gets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum SeccompChoice {
    /// Docker's default profile.
    #[default]
    Default,
    /// None at all.
    Unconfined,
    /// The profile in this text, in Docker's JSON format.
    Custom(String),
}

impl SeccompChoice {
    /// Makes sure that a profile of one's own is one.
    ///
    /// # Errors
    /// What is wrong with its text.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Custom(json) => Profile::from_json(json.as_bytes())
                .map(drop)
                .map_err(|error| Error::Seccomp(error.to_string())),
            Self::Default | Self::Unconfined => Ok(()),
        }
    }
}

/// The cache: profile and capabilities to file. Files live in the run-time state and vanish with a reboot, as a new kernel may
/// compile differently.
#[derive(Debug)]
pub(crate) struct SeccompFiles {
    dir: PathBuf,
    /// The running kernel, major and minor.
    kernel: (u32, u32),
    made: Mutex<HashMap<(SeccompChoice, Vec<String>), PathBuf>>,
}

impl SeccompFiles {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            kernel: kernel_version(),
            made: Mutex::default(),
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file with the program for `choice` and a process holding `capabilities`.
    pub(crate) fn path(
        &self,
        choice: &SeccompChoice,
        capabilities: Option<&Capabilities>,
    ) -> Result<Option<PathBuf>> {
        if *choice == SeccompChoice::Unconfined {
            return Ok(None);
        }
        let mut names: Vec<String> = capabilities
            .into_iter()
            .flatten()
            .map(|cap| format!("CAP_{cap}"))
            .collect();
        names.sort_unstable();
        let key = (choice.clone(), names);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = made.get(&key) {
            return Ok(Some(path.clone()));
        }
        let profile = match choice {
            SeccompChoice::Custom(json) => {
                Profile::from_json(json.as_bytes()).map_err(|e| Error::Seccomp(e.to_string()))?
            }
            _ => Profile::docker_default(),
        };
        let names: Vec<&str> = key.1.iter().map(String::as_str).collect();
        let arch = Arch::native().ok_or_else(|| Error::Seccomp("no filters for this machine".to_owned()))?;
        let target = Target {
            arch,
            kernel: self.kernel,
            capabilities: &names,
        };
        let program = compile(&profile, &target).map_err(|e| Error::Seccomp(e.to_string()))?;
        // Shims load every program with the one flag that runc sets, too.
        if program.flags != SECCOMP_FILTER_FLAG_SPEC_ALLOW {
            return Err(Error::Unsupported(
                "a seccomp profile with flags is not supported by Corten yet".to_owned(),
            ));
        }
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let path = self.dir.join(format!("{:016x}.bpf", hasher.finish()));
        let staged = path.with_extension("new");
        fs::write(&staged, program.to_bytes())
            .and_then(|()| fs::rename(&staged, &path))
            .map_err(Error::system("cannot store a seccomp program"))?;
        made.insert(key, path.clone());
        Ok(Some(path))
    }
}

/// Major and minor number of the running kernel; zeros, for which only the oldest calls are known, if it names none.
fn kernel_version() -> (u32, u32) {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
