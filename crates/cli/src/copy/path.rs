//! Paths by the letters, as Go's `path/filepath` and Docker's archive package read them.

/// `CONTAINER:PATH`, or a local path: absolute, beginning with a dot, or without a colon.
pub(crate) fn split_arg(arg: &str) -> (&str, &str) {
    match arg.split_once(':') {
        Some((container, path)) if !arg.starts_with('/') && !container.starts_with('.') => (container, path),
        _ => ("", arg),
    }
}

/// The shortest path that means the same by its letters.
pub(crate) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.join("/")) {
        (true, rest) => format!("/{rest}"),
        (false, rest) if rest.is_empty() => ".".to_owned(),
        (false, rest) => rest,
    }
}

/// The last part; `/` when there is none, `.` for an empty path.
pub(crate) fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() {
        return "/";
    }
    trimmed.rsplit('/').next().unwrap_or(trimmed)
}

/// All but the last part, clean.
pub(crate) fn dir(path: &str) -> String {
    clean(path.rfind('/').map_or("", |slash| &path[..=slash]))
}

/// `name` in `parent`, clean.
pub(crate) fn join(parent: &str, name: &str) -> String {
    clean(&format!("{parent}/{name}"))
}

/// Whether the path ends in a dot by itself.
pub(crate) fn says_current(path: &str) -> bool {
    base(path) == "."
}

/// Whether the path can only be a directory's.
pub(crate) fn says_directory(path: &str) -> bool {
    path.ends_with('/') || says_current(path)
}

/// `cleaned` with the slash or dot at the end that `original` has.
pub(crate) fn keep_ending(mut cleaned: String, original: &str) -> String {
    if !says_current(&cleaned) && says_current(original) {
        if !cleaned.ends_with('/') {
            cleaned.push('/');
        }
        cleaned.push('.');
    }
    if !cleaned.ends_with('/') && original.ends_with('/') {
        cleaned.push('/');
    }
    cleaned
}

/// A path as directory and entry in it; the entry is `.` where the path says so.
pub(crate) fn split_entry(path: &str) -> (String, String) {
    let mut cleaned = clean(path);
    if says_current(path) {
        cleaned.push_str("/.");
    }
    (dir(&cleaned), base(&cleaned).to_owned())
}

/// What a link at the end of `path` leads to, with the slash or dot at the end that `path` has; and the name it is to keep
/// in an archive, when that is another.
pub(crate) fn rebase(path: &str, mut target: String) -> (String, Option<String>) {
    if says_current(path) && !says_current(&target) {
        target.push_str("/.");
    }
    if path.ends_with('/') && !target.ends_with('/') {
        target.push('/');
    }
    let name = (base(path) != base(&target)).then(|| base(path).to_owned());
    (target, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_name_containers_or_files() {
        for (arg, container, path) in [
            ("c:/x", "c", "/x"),
            ("c:", "c", ""),
            ("/a:b", "", "/a:b"),
            ("./a:b", "", "./a:b"),
            ("a", "", "a"),
            ("-", "", "-"),
        ] {
            assert_eq!(split_arg(arg), (container, path), "{arg}");
        }
    }

    #[test]
    fn paths_are_gos() {
        for (path, cleaned, last, parent) in [
            ("", ".", ".", "."),
            ("/", "/", "/", "/"),
            ("a/b/", "a/b", "b", "a/b"),
            ("a/./b/../c", "a/c", "c", "a/b/.."),
            ("../../x", "../../x", "x", "../.."),
            ("/../x", "/x", "x", "/"),
            ("a/.", "a", ".", "a"),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
            assert_eq!(base(path), last, "{path}");
            assert_eq!(dir(path), clean(parent), "{path}");
        }
        assert_eq!(keep_ending("/a".into(), "a/."), "/a/.");
        assert_eq!(keep_ending("/".into(), "/."), "/.");
        assert_eq!(keep_ending("/a".into(), "a/"), "/a/");
        assert_eq!(split_entry("/a/b/"), ("/a".into(), "b".into()));
        assert_eq!(split_entry("/a/b/."), ("/a/b".into(), ".".into()));
        assert_eq!(split_entry("/"), ("/".into(), "/".into()));
        assert_eq!(rebase("/l/", "/real".into()), ("/real/".into(), Some("l".into())));
        assert_eq!(rebase("/l/.", "/real".into()), ("/real/.".into(), None));
    }
}
