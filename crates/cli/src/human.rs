//! Times, ports and cut texts as tables show them.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use corten_types::human_duration;
use corten_wire::PortSummary;

/// How long ago a time (Unix seconds) was, in words.
pub(crate) fn ago(time: i64) -> String {
    format!("{} ago", human_duration(now().saturating_sub(time)))
}

/// Unix seconds.
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |span| i64::try_from(span.as_secs()).unwrap_or(i64::MAX))
}

/// The first `width` characters, the last of them an ellipsis when something was cut.
pub(crate) fn ellipsis(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// The first twelve digits of an identifier, without its algorithm.
pub(crate) fn short_id(id: &str) -> &str {
    let id = id.strip_prefix("sha256:").unwrap_or(id);
    id.get(..12).unwrap_or(id)
}

/// Ports as `ps` shows them: neighbours joined to ranges, those published elsewhere on their own at the end.
pub(crate) fn ports(ports: &[PortSummary]) -> String {
    let mut sorted: Vec<&PortSummary> = ports.iter().collect();
    sorted.sort_by_key(|port| (port.private_port, &port.ip, port.public_port, &port.r#type));
    let mut done = Vec::new();
    let mut moved = Vec::new();
    // Ranges still growing, in the order they began; the map finds them.
    let mut open: Vec<Range<'_>> = Vec::new();
    let mut index: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for port in sorted {
        let published = !port.ip.is_empty();
        if published && port.public_port != port.private_port {
            moved.push(format!(
                "{}->{}/{}",
                host_port(&port.ip, &port.public_port.to_string()),
                port.private_port,
                port.r#type
            ));
            continue;
        }
        let fresh = Range {
            ip: &port.ip,
            kind: &port.r#type,
            first: port.private_port,
            last: port.private_port,
        };
        match index.get(&(fresh.ip, fresh.kind)).map(|at| &mut open[*at]) {
            Some(range) if range.last.checked_add(1) == Some(fresh.first) => range.last = fresh.last,
            Some(range) => {
                done.push(range.show());
                *range = fresh;
            }
            None => {
                index.insert((fresh.ip, fresh.kind), open.len());
                open.push(fresh);
            }
        }
    }
    done.extend(open.iter().map(Range::show));
    done.extend(moved);
    done.join(", ")
}

struct Range<'a> {
    ip: &'a str,
    kind: &'a str,
    first: u16,
    last: u16,
}

impl Range<'_> {
    fn show(&self) -> String {
        let span = if self.first == self.last {
            self.first.to_string()
        } else {
            format!("{}-{}", self.first, self.last)
        };
        if self.ip.is_empty() {
            format!("{span}/{}", self.kind)
        } else {
            format!("{}->{span}/{}", host_port(self.ip, &span), self.kind)
        }
    }
}

/// `ip:port`, with brackets round IPv6 addresses.
pub(crate) fn host_port(ip: &str, port: &str) -> String {
    if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    }
}

/// The order people put names in: numbers in them count as numbers; of equal ones that with fewer leading zeros goes first.
pub(crate) fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let (Some(&one), Some(&other)) = (a.first(), b.first()) {
        if !(one.is_ascii_digit() && other.is_ascii_digit()) {
            if one != other {
                return one.cmp(&other);
            }
            (a, b) = (&a[1..], &b[1..]);
            continue;
        }
        let (number, rest) = leading_number(a);
        let (other, other_rest) = leading_number(b);
        let value = |digits: &[u8]| {
            let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
            (digits.len() - zeros, digits[zeros..].to_vec())
        };
        let order = value(number)
            .cmp(&value(other))
            .then(number.len().cmp(&other.len()));
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest, other_rest);
    }
    a.len().cmp(&b.len())
}

fn leading_number(text: &[u8]) -> (&[u8], &[u8]) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.split_at(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names = ["t10", "t9", "t", "t09", "s99", "t9a", "T1", "t10b2", "t10b11"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(
            names,
            ["T1", "s99", "t", "t9", "t9a", "t09", "t10", "t10b2", "t10b11"]
        );
    }

    #[test]
    fn cuts_with_an_ellipsis() {
        assert_eq!(ellipsis("\"sleep 1d\"", 20), "\"sleep 1d\"");
        assert_eq!(
            ellipsis("/docker-entrypoint.sh nginx", 20),
            "/docker-entrypoint.…"
        );
    }

    #[test]
    fn joins_neighbouring_ports() {
        let port = |ip: &str, private_port, public_port, kind: &str| PortSummary {
            ip: ip.to_owned(),
            private_port,
            public_port,
            r#type: kind.to_owned(),
        };
        assert_eq!(ports(&[]), "");
        assert_eq!(ports(&[port("", 80, 0, "tcp")]), "80/tcp");
        assert_eq!(
            ports(&[
                port("0.0.0.0", 80, 8080, "tcp"),
                port("::", 80, 8080, "tcp"),
                port("", 53, 0, "udp")
            ]),
            "53/udp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"
        );
        assert_eq!(
            ports(&[
                port("0.0.0.0", 81, 81, "tcp"),
                port("0.0.0.0", 80, 80, "tcp"),
                port("0.0.0.0", 90, 90, "tcp"),
            ]),
            "0.0.0.0:80-81->80-81/tcp, 0.0.0.0:90->90/tcp"
        );
    }
}
