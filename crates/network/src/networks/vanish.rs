//! Deleting a link without waiting for all of the kernel's own waiting.

use super::Inner;
use crate::NetworkError;
use crate::netlink::{Batch, NetlinkError, Socket, delete_link_at};
use rustix::io::Errno;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::Builder;
use std::time::Duration;

const STACK: usize = 64 * 1024;
/// How often is looked whether the link can still be found.
const LOOK: Duration = Duration::from_micros(200);

impl Inner {
    /// Deletes a link, if it is there, and returns as soon as nobody finds it any more, but in sysfs. The kernel goes on for several grace periods of
    /// RCU after that, 15 to 40 ms (Linux, `unregister_netdevice_many`), on a thread of ours; it cannot fail any more then, and
    /// the end of the daemon does not interrupt it.
    ///
    /// Says whether there was one.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn vanish(self: &Arc<Self>, name: &str) -> Result<bool, NetworkError> {
        let socket = self.socket()?;
        let index = match socket.index_of(name) {
            Err(error) if error.errno() == Errno::NODEV => {
                self.give_back(socket);
                return Ok(false);
            }
            found => found?,
        };
        let (tell, told) = sync_channel(1);
        let mut deleting = self.socket()?;
        let inner = Arc::clone(self);
        let delete = move || {
            // Nobody listens any more if the link has vanished before.
            let _ = tell.send(delete_at(&mut deleting, index));
            inner.give_back(deleting);
        };
        Builder::new()
            .name("unlink".to_owned())
            .stack_size(STACK)
            .spawn(delete)
            .map_err(NetworkError::system("start a thread"))?;
        loop {
            match told.recv_timeout(LOOK) {
                Ok(deleted) => deleted?,
                Err(RecvTimeoutError::Timeout) if socket.index_of(name).ok() == Some(index) => continue,
                Err(_) => {}
            }
            self.give_back(socket);
            return Ok(true);
        }
    }
}

fn delete_at(socket: &mut Socket, index: u32) -> Result<(), NetlinkError> {
    let mut batch = Batch::new();
    delete_link_at(&mut batch, index);
    match socket.request(&mut batch) {
        Err(error) if error.errno() == Errno::NODEV => Ok(()),
        deleted => deleted,
    }
}
