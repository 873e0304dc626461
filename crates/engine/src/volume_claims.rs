//! Volumes that containers in the making are about to use, so that nobody removes them before the container is there to be
//! counted among their users.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many creates are about to use each volume.
#[derive(Debug, Default)]
pub(crate) struct VolumeClaims(Mutex<BTreeMap<String, usize>>);

/// The claims of one create, given up when dropped.
#[derive(Debug)]
pub(crate) struct VolumeClaim {
    all: Arc<VolumeClaims>,
    names: Vec<String>,
}

impl VolumeClaims {
    /// Nothing claimed yet.
    pub(crate) fn begin(self: &Arc<Self>) -> VolumeClaim {
        VolumeClaim {
            all: self.clone(),
            names: Vec::new(),
        }
    }

    /// Does `removal` unless the volume is claimed; nobody can claim it meanwhile. `None` when it was claimed.
    pub(crate) fn unless_claimed<T>(&self, name: &str, removal: impl FnOnce() -> T) -> Option<T> {
        let claimed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!claimed.contains_key(name)).then(removal)
    }
}

impl VolumeClaim {
    /// Claims one more volume, which need not exist yet.
    pub(crate) fn add(&mut self, name: &str) {
        let mut claimed = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        *claimed.entry(name.to_owned()).or_default() += 1;
        self.names.push(name.to_owned());
    }
}

impl Drop for VolumeClaim {
    fn drop(&mut self) {
        let mut claimed = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &self.names {
            if let Some(count) = claimed.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    claimed.remove(name);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_claim_is_free_when_the_last_has_gone() {
        let claims = Arc::new(VolumeClaims::default());
        let free = || claims.unless_claimed("v", || ()).is_some();
        let (mut one, mut other) = (claims.begin(), claims.begin());
        assert!(free());
        one.add("v");
        other.add("v");
        drop(one);
        assert!(!free());
        drop(other);
        assert!(free());
    }
}
