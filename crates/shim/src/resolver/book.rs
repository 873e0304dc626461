//! What the daemon has written down, read again when it has changed.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use corten_dns::{Names, Settings, Zone};

/// Files that tell the names, and what they told last.
#[derive(Debug)]
pub(super) struct Book {
    path: PathBuf,
    state: State,
    settings: Settings,
    states: Vec<State>,
    zones: Vec<Zone>,
}

/// By what a file that was replaced is known: it is another file. Nothing, if there is none.
type State = Option<(u64, i64, i64)>;

impl Book {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            state: None,
            settings: Settings::default(),
            states: Vec::new(),
            zones: Vec::new(),
        }
    }

    /// Looks whether there is anything new: a look at each file for a query.
    pub(super) fn refresh(&mut self) {
        let state = state(&self.path);
        if state != self.state {
            let text = std::fs::read_to_string(&self.path).unwrap_or_default();
            self.settings = Settings::parse(&text);
            self.state = state;
            self.states = vec![None; self.settings.zones.len()];
            self.zones = vec![Zone::default(); self.settings.zones.len()];
        }
        for (number, path) in self.settings.zones.iter().enumerate() {
            let state = self::state(path);
            if state != self.states[number] {
                let text = std::fs::read_to_string(path).unwrap_or_default();
                self.zones[number] = Zone::parse(&text);
                self.states[number] = state;
            }
        }
    }

    pub(super) fn names(&self) -> Names<'_> {
        Names {
            zones: &self.zones,
            settings: &self.settings,
        }
    }
}

fn state(path: &std::path::Path) -> State {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.ctime(), metadata.ctime_nsec()))
}
