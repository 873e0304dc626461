//! Calls on plugins.

use corten_wire::Plugin;

use crate::client::Call;
use crate::query::Target;
use crate::{Client, Error, Filters};

/// # Errors
/// As for containers.
impl Client {
    /// Lists plugins.
    pub async fn list_plugins(&self, filters: &Filters) -> Result<Vec<Plugin>, Error> {
        self.json(Call::get(Target::new("/plugins").with_filters(filters)))
            .await
    }
}
