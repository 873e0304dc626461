//! Claims on what two daemons cannot share: each would clear away what it takes for the other's leftovers.
//!
//! A claim ends with the process, however that ends; nothing is left on disk.

use std::fs::File;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

/// How long a killed daemon may hold on to what it claimed, and how often to look: a child it was just starting keeps its files
/// open until it executes its program, and the kernel takes a while to end a large process.
const RELEASE_DEADLINE: Duration = Duration::from_secs(3);
const RELEASE_LOOK: Duration = Duration::from_millis(10);

/// A claim; dropping it gives it up.
#[derive(Debug)]
pub(crate) enum Claim {
    Directory { _lock: File },
    Name { _name: UnixListener },
}

impl Claim {
    /// Claims a directory of a daemon's state.
    pub(crate) async fn directory(path: &Path) -> Result<Self, String> {
        let taken = once_released(|| {
            let lock = File::open(path)?;
            flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
            Ok(Self::Directory { _lock: lock })
        });
        taken
            .await
            .map_err(|error| problem(error, "the directory", &path.display().to_string()))
    }

    /// Claims a bridge.
    pub(crate) async fn bridge(name: &str) -> Result<Self, String> {
        Self::name("bridge", "the bridge", name).await
    }

    /// Claims a table of the firewall.
    pub(crate) async fn table(name: &str) -> Result<Self, String> {
        Self::name("table", "the firewall table", name).await
    }

    /// Claims what is per network namespace, by a name in the abstract socket namespace, which is, too.
    async fn name(kind: &str, what: &str, name: &str) -> Result<Self, String> {
        let taken = once_released(|| {
            let address = SocketAddr::from_abstract_name(format!("corten/{kind}/{name}"))?;
            let claim = UnixListener::bind_addr(&address)?;
            Ok(Self::Name { _name: claim })
        });
        taken.await.map_err(|error| problem(error, what, name))
    }
}

/// Tries until it works, fails for another reason than being claimed, or whoever has the claim had time enough to end.
pub(crate) async fn once_released<T>(mut take: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let deadline = tokio::time::Instant::now() + RELEASE_DEADLINE;
    loop {
        match take() {
            Err(error) if is_claimed(&error) && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(RELEASE_LOOK).await;
            }
            taken => return taken,
        }
    }
}

/// Whether it failed because another has it.
pub(crate) fn is_claimed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::AddrInUse)
}

fn problem(error: io::Error, what: &str, name: &str) -> String {
    if is_claimed(&error) {
        format!("{what} {name} is in use by another daemon")
    } else {
        format!("cannot claim {what} {name}: {error}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_claim_waits_for_the_end_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let name = format!("test-{}", std::process::id());
        let held = [
            Claim::directory(dir.path()).await.unwrap(),
            Claim::bridge(&name).await.unwrap(),
            Claim::table(&name).await.unwrap(),
        ];
        let mut second = Box::pin(async {
            (
                Claim::directory(dir.path()).await.is_ok(),
                Claim::bridge(&name).await.is_ok(),
                Claim::table(&name).await.is_ok(),
            )
        });
        let early = tokio::time::timeout(RELEASE_LOOK * 3, &mut second).await;
        assert!(early.is_err(), "it must wait");
        drop(held);
        assert_eq!(second.await, (true, true, true));
    }

    #[test]
    fn who_has_it_is_told() {
        assert_eq!(
            problem(io::ErrorKind::WouldBlock.into(), "the directory", "/run/x"),
            "the directory /run/x is in use by another daemon"
        );
    }
}
