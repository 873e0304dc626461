//! What the daemon has written down, read again when it has changed.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use corten_dns::{Names, Settings, Zone};

/// Files that tell the names, and what they told last.
#[derive(Debug)]
pub(super) struct Book {
    page: Page,
    settings: Settings,
    pages: Vec<Page>,
    zones: Vec<Zone>,
}

/// A file that is replaced as a whole.
#[derive(Debug)]
struct Page {
    path: PathBuf,
    /// The one that was read last, if there was one, and how many names it had.
    read: Option<(File, u64)>,
}

impl Page {
    fn new(path: PathBuf) -> Self {
        Self { path, read: None }
    }

    /// What it tells, if that is not what was read last; nothing of one that has gone.
    fn news(&mut self) -> Option<String> {
        let names = |file: &File| file.metadata().map_or(0, |found| found.nlink());
        match &self.read {
            // One that is replaced loses a name.
            Some((file, before)) if *before > 0 && names(file) == *before => return None,
            Some(_) => self.read = File::open(&self.path).ok().map(|file| (file, 0)),
            None => self.read = Some((File::open(&self.path).ok()?, 0)),
        }
        let mut text = String::new();
        if let Some((file, before)) = &mut self.read {
            *before = names(file);
            if file.read_to_string(&mut text).is_err() {
                text.clear();
            }
        }
        Some(text)
    }
}

impl Book {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            page: Page::new(path),
            settings: Settings::default(),
            pages: Vec::new(),
            zones: Vec::new(),
        }
    }

    /// Looks whether there is anything new: a look at each file for a query.
    pub(super) fn refresh(&mut self) {
        if let Some(text) = self.page.news() {
            self.settings = Settings::parse(&text);
            self.pages = self.settings.zones.iter().cloned().map(Page::new).collect();
            self.zones = vec![Zone::default(); self.pages.len()];
        }
        for (page, zone) in self.pages.iter_mut().zip(&mut self.zones) {
            if let Some(text) = page.news() {
                *zone = Zone::parse(&text);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_are_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("zone");
        let replace = |text: &str| {
            std::fs::write(dir.path().join("new"), text).unwrap();
            std::fs::rename(dir.path().join("new"), &path).unwrap();
        };
        let mut page = Page::new(path.clone());
        assert_eq!(page.news(), None, "there is none");
        replace("one");
        assert_eq!(page.news().as_deref(), Some("one"));
        assert_eq!(page.news(), None);
        replace("two");
        replace("three");
        assert_eq!(page.news().as_deref(), Some("three"));
        std::fs::hard_link(&path, dir.path().join("other")).unwrap();
        page.news();
        replace("four");
        assert_eq!(page.news().as_deref(), Some("four"));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(page.news().as_deref(), Some(""), "it has gone");
        assert_eq!(page.news(), None);
        replace("back");
        assert_eq!(page.news().as_deref(), Some("back"));
    }
}
