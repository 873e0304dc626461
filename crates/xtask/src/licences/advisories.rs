//! Known-bad versions, from the file beside this one.

const FILE: &str = include_str!("advisories.txt");

/// One known fault.
#[derive(Debug)]
pub(super) struct Advisory {
    pub(super) id: String,
    pub(super) title: String,
    package: String,
    /// Affected when any range holds; a range holds when all its bounds do.
    ranges: Vec<Vec<Bound>>,
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    AtLeast(Version),
    Below(Version),
}

type Version = [u64; 3];

impl Advisory {
    pub(super) fn is_about(&self, package: &str, version: &str) -> bool {
        let Some(version) = version_of(version) else {
            return self.package == package;
        };
        let holds = |bound: &Bound| match bound {
            Bound::AtLeast(least) => version >= *least,
            Bound::Below(end) => version < *end,
        };
        self.package == package && self.ranges.iter().any(|range| range.iter().all(holds))
    }
}

/// All known advisories.
pub(super) fn known() -> Result<Vec<Advisory>, String> {
    parse(FILE)
}

/// The file's own words about its age.
pub(super) fn date() -> &'static str {
    let words = |line: &'static str| {
        line.split_once("As of ")
            .and_then(|(_, rest)| rest.split('.').next())
    };
    FILE.lines().find_map(words).unwrap_or("of unknown date")
}

fn parse(text: &str) -> Result<Vec<Advisory>, String> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| advisory(line).ok_or_else(|| format!("advisories.txt: cannot read {line:?}")))
        .collect()
}

fn advisory(line: &str) -> Option<Advisory> {
    let [id, package, ranges, title] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
        return None;
    };
    let range = |text: &str| {
        text.split(',')
            .map(|text| bound(text.trim()))
            .collect::<Option<Vec<_>>>()
    };
    Some(Advisory {
        id: id.to_owned(),
        title: title.to_owned(),
        package: package.to_owned(),
        ranges: ranges.split(';').map(range).collect::<Option<_>>()?,
    })
}

fn bound(text: &str) -> Option<Bound> {
    if let Some(version) = text.strip_prefix(">=") {
        return version_of(version).map(Bound::AtLeast);
    }
    text.strip_prefix('<').and_then(version_of).map(Bound::Below)
}

/// The three numbers of a version; what follows them (pre-release, build) does not decide here.
fn version_of(text: &str) -> Option<Version> {
    let plain = text.split(['-', '+']).next()?;
    let mut numbers = plain.split('.').map(|number| number.trim().parse().ok());
    let version = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_and_dated() {
        assert!(known().unwrap().len() > 20);
        assert!(date().starts_with("20"), "{}", date());
        assert!(parse("RUSTSEC-1 | tar | ~1 | what").is_err());
    }

    #[test]
    fn ranges_decide() {
        let all = known().unwrap();
        let bad =
            |package: &str, version: &str| all.iter().any(|advisory| advisory.is_about(package, version));
        assert!(bad("tar", "0.4.44"));
        assert!(!bad("tar", "0.4.45"));
        assert!(bad("tokio", "1.43.0"));
        assert!(!bad("tokio", "1.43.1"));
        assert!(bad("tokio", "1.38.1"));
        assert!(!bad("tokio", "1.38.2"));
        assert!(!bad("bytes", "1.2.0"), "older than the fault");
        assert!(!bad("no-such-crate", "0.0.1"));
        assert!(bad("tar", "not a version"), "in doubt it is named");
    }
}
