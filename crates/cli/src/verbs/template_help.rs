//! What help says of `--format` and `--filter`, the same for all verbs that have them.

/// For verbs that print tables.
pub(super) const TABLE: &str = "Format output using a custom template:\n\
    'table':            Print output in table format with column headers (default)\n\
    'table TEMPLATE':   Print output in table format using the given Go template\n\
    'json':             Print in JSON format\n\
    'TEMPLATE':         Print output using the given Go template.\n\
    Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates";

/// For verbs that print objects.
pub(super) const OBJECT: &str = "Format output using a custom template:\n\
    'json':             Print in JSON format\n\
    'TEMPLATE':         Print output using the given Go template.\n\
    Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates";

/// Judges `--filter`.
pub(super) fn check_filter(text: &str) -> Result<(), String> {
    if text.contains('=') || text.is_empty() {
        Ok(())
    } else {
        Err("bad format of filter (expected name=value)".to_owned())
    }
}

/// All `--filter` of a verb, by key.
pub(super) fn filters(matches: &crate::flags::Matches) -> corten_client::Filters {
    let mut filters = corten_client::Filters::new();
    for text in matches.list("filter") {
        if let Some((key, value)) = text.split_once('=') {
            filters
                .entry(key.trim().to_ascii_lowercase())
                .or_default()
                .push(value.trim().to_owned());
        }
    }
    filters
}
