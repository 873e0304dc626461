//! Variables of a process, put together from several lists.

use std::collections::HashMap;

/// `NAME=value` in the order in which names were first given; a later value takes an earlier one's place.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    entries: Vec<Option<String>>,
    places: HashMap<String, usize>,
}

impl Environment {
    /// Sets a variable; a bare name removes it.
    pub(crate) fn set(&mut self, entry: &str) {
        let Some((name, _)) = entry.split_once('=') else {
            if let Some(place) = self.places.remove(entry) {
                self.entries[place] = None;
            }
            return;
        };
        match self.places.get(name) {
            Some(place) => self.entries[*place] = Some(entry.to_owned()),
            None => {
                self.places.insert(name.to_owned(), self.entries.len());
                self.entries.push(Some(entry.to_owned()));
            }
        }
    }

    /// What was set.
    pub(crate) fn entries(self) -> Vec<String> {
        self.entries.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn variables_keep_their_place() {
        let mut env = Environment::default();
        for entry in [
            "PATH=/a",
            "HOSTNAME=h",
            "A=1",
            "PATH=/b",
            "HOSTNAME",
            "GONE",
            "A=2",
            "B=x=y",
        ] {
            env.set(entry);
        }
        assert_eq!(env.entries(), ["PATH=/b", "A=2", "B=x=y"]);
    }

    #[test]
    fn many_variables_take_no_time_to_speak_of() {
        let begun = Instant::now();
        let mut env = Environment::default();
        for number in 0..200_000 {
            env.set(&format!("A{number}=x"));
        }
        assert_eq!(env.entries().len(), 200_000);
        // One after the other they were compared for minutes.
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}
