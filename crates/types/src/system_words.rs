//! The operating system's words for an error as Docker prints them.

use std::io;

/// What the system says of an error, in lower case and without its number: as Go prints it, and so Docker.
pub fn system_words(error: &io::Error) -> String {
    let text = error.to_string();
    let Some((words, _)) = text.split_once(" (os error") else {
        return text;
    };
    let mut characters = words.chars();
    characters
        .next()
        .map(|first| first.to_lowercase().chain(characters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_gos() {
        // ENOSPC.
        let full = io::Error::from_raw_os_error(28);
        assert_eq!(system_words(&full), "no space left on device");
        assert_eq!(system_words(&io::Error::other("Mine")), "Mine");
    }
}
