//! From a query to an answer, as Docker's embedded server gives it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::{A, AAAA, PTR, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE};

use crate::message::{Kind, bare_answer, kind};
use crate::{Settings, Zone};

/// How long an answer may be kept, in seconds: Docker's.
const TTL: u32 = 600;
/// What every asker takes over UDP, in bytes (RFC 1035).
const PLAIN_SIZE: usize = 512;
/// The most we send over UDP, whatever the asker takes: what passes every path unfragmented.
const LARGEST: u16 = 1232;

/// All that is known to one container.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// Of its networks, the one looked into first at the beginning.
    pub zones: &'a [Zone],
    /// Its own words for others, and what to do with other names.
    pub settings: &'a Settings,
}

/// What is to be done with a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// This is the answer.
    Answer(Vec<u8>),
    /// Others must be asked.
    Forward,
    /// It is no query; nothing is answered.
    Ignore,
}

/// Looks at a query. Among several addresses of a name another is first each `turn`. `stream` tells that it came by TCP, where
/// answers may be of any length.
pub fn react(query: &[u8], names: Names<'_>, turn: usize, stream: bool) -> Reaction {
    match kind(query) {
        Kind::Query => {}
        Kind::Other => return failure_of(query, RCODE::NotImplemented),
        Kind::Malformed => return failure_of(query, RCODE::FormatError),
        Kind::Nothing => return Reaction::Ignore,
    }
    let Ok(packet) = Packet::parse(query) else {
        return failure_of(query, RCODE::FormatError);
    };
    let [question] = packet.questions.as_slice() else {
        return failure_of(query, RCODE::NotImplemented);
    };
    let Some(records) = known(question, names, turn) else {
        let single = question.qname.get_labels().len() == 1;
        return match names.settings.forward {
            false => failure_of(query, RCODE::ServerFailure),
            true if single && names.settings.ndots && asks_for_address(question) => {
                finish(&packet, Vec::new(), stream)
            }
            true => Reaction::Forward,
        };
    };
    finish(&packet, records, stream)
}

/// The answer that says that nobody could be asked with success; none if the query is none.
pub fn failure(query: &[u8]) -> Option<Vec<u8>> {
    bare_answer(query, RCODE::ServerFailure as u8)
}

fn asks_for_address(question: &Question<'_>) -> bool {
    matches!(question.qtype, QTYPE::TYPE(TYPE::A | TYPE::AAAA))
}

/// The records that answer, none or several; `None` if the name is not ours.
fn known<'a>(question: &Question<'a>, names: Names<'_>, turn: usize) -> Option<Vec<ResourceRecord<'a>>> {
    if !matches!(question.qclass, QCLASS::CLASS(CLASS::IN) | QCLASS::ANY) {
        return None;
    }
    let asked = question.qname.to_string().to_ascii_lowercase();
    let record = |data| ResourceRecord::new(question.qname.clone(), CLASS::IN, TTL, data);
    if question.qtype == QTYPE::TYPE(TYPE::PTR)
        && let Some(address) = reverse(&asked)
    {
        let host = names
            .zones
            .iter()
            .find_map(|zone| Some((zone.host(address)?, zone.network())))?;
        let full = format!("{}.{}", host.0, host.1);
        let name = Name::new(&full).ok()?.into_owned();
        return Some(vec![record(RData::PTR(PTR(name)))]);
    }
    let mut addresses = names.addresses(&asked)?.to_vec();
    if !addresses.is_empty() {
        let count = addresses.len();
        addresses.rotate_left(turn % count);
    }
    let wanted = |kind| question.qtype == QTYPE::TYPE(kind) || question.qtype == QTYPE::ANY;
    let records = addresses.iter().filter_map(|address| match address {
        IpAddr::V4(v4) if wanted(TYPE::A) => Some(record(RData::A(A::from(*v4)))),
        IpAddr::V6(v6) if wanted(TYPE::AAAA) => Some(record(RData::AAAA(AAAA::from(*v6)))),
        _ => None,
    });
    // A name that is ours is nobody else's, whatever is asked of it.
    Some(records.collect())
}

impl<'a> Names<'a> {
    /// The addresses of a name in lower case: with or without its network's name behind it.
    fn addresses(self, asked: &str) -> Option<&'a [IpAddr]> {
        let mut zones = self.zones.iter().enumerate();
        let whole = zones.find_map(|(at, zone)| self.addresses_in(at, zone, asked));
        whole.or_else(|| {
            let (name, network) = asked.rsplit_once('.')?;
            let named = |zone: &Zone| zone.network().eq_ignore_ascii_case(network);
            let mut zones = self.zones.iter().enumerate().filter(|(_, zone)| named(zone));
            zones.find_map(|(at, zone)| self.addresses_in(at, zone, name))
        })
    }

    fn addresses_in(self, at: usize, zone: &'a Zone, name: &str) -> Option<&'a [IpAddr]> {
        let linked = self.settings.links.get(at).and_then(|links| links.get(name));
        let linked = linked.and_then(|other| zone.addresses(&other.to_ascii_lowercase()));
        linked.or_else(|| zone.addresses(name))
    }
}

/// The address a name below `in-addr.arpa` or `ip6.arpa` stands for.
fn reverse(name: &str) -> Option<IpAddr> {
    if let Some(digits) = name.strip_suffix(".in-addr.arpa") {
        let mut octets = [0; 4];
        let mut parts = digits.split('.');
        for octet in octets.iter_mut().rev() {
            *octet = parts.next()?.parse().ok()?;
        }
        return parts.next().is_none().then(|| Ipv4Addr::from(octets).into());
    }
    let mut address = 0_u128;
    let mut count = 0;
    for (position, digit) in name.strip_suffix(".ip6.arpa")?.split('.').enumerate() {
        let value = u128::from_str_radix(digit, 16)
            .ok()
            .filter(|_| digit.len() == 1)?;
        address |= value.checked_shl(4 * u32::try_from(position).ok()?)?;
        count = position + 1;
    }
    (count == 32).then(|| Ipv6Addr::from(address).into())
}

/// The answer to a query whose name is ours.
fn finish(query: &Packet<'_>, records: Vec<ResourceRecord<'_>>, stream: bool) -> Reaction {
    let mut answer = Packet::new_reply(query.id());
    answer.set_flags(PacketFlag::RECURSION_AVAILABLE | (query_flags(query)));
    answer.questions.clone_from(&query.questions);
    answer.answers = records;
    let room = match query.opt() {
        Some(opt) => {
            let mut own = opt.clone();
            own.opt_codes = Vec::new();
            own.udp_packet_size = LARGEST;
            *answer.opt_mut() = Some(own);
            usize::from(opt.udp_packet_size.min(LARGEST)).max(PLAIN_SIZE)
        }
        None => PLAIN_SIZE,
    };
    let bytes = answer.build_bytes_vec_compressed();
    let bytes = match bytes {
        Ok(bytes) if stream || bytes.len() <= room => Ok(bytes),
        // Whoever wants all of it comes back by TCP; who does not has what there is room for.
        Ok(_) => {
            answer.set_flags(PacketFlag::TRUNCATION);
            cut(answer, room)
        }
        Err(error) => Err(error),
    };
    bytes.map_or(Reaction::Ignore, Reaction::Answer)
}

/// The answer with as many of its records as fit in so many bytes.
fn cut(mut answer: Packet<'_>, room: usize) -> Result<Vec<u8>, simple_dns::SimpleDnsError> {
    let all = std::mem::take(&mut answer.answers);
    let (mut fitting, mut too_many) = (0, all.len());
    while too_many - fitting > 1 {
        let middle = fitting.midpoint(too_many);
        answer.answers = all[..middle].to_vec();
        match answer.build_bytes_vec_compressed()?.len() <= room {
            true => fitting = middle,
            false => too_many = middle,
        }
    }
    answer.answers = all[..fitting].to_vec();
    answer.build_bytes_vec_compressed()
}

fn query_flags(query: &Packet<'_>) -> PacketFlag {
    if query.has_flags(PacketFlag::RECURSION_DESIRED) {
        PacketFlag::RECURSION_DESIRED
    } else {
        PacketFlag::empty()
    }
}

fn failure_of(query: &[u8], code: RCODE) -> Reaction {
    bare_answer(query, code as u8).map_or(Reaction::Ignore, Reaction::Answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Host, is_answer, write_zone};

    fn zone(network: &str, hosts: &[(&str, &[&str], &[&str])]) -> Zone {
        let hosts: Vec<Host> = hosts
            .iter()
            .map(|(name, aliases, addresses)| Host {
                name: (*name).to_owned(),
                aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
                addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
            })
            .collect();
        Zone::parse(&write_zone(network, &hosts))
    }

    fn zones() -> Vec<Zone> {
        vec![
            zone(
                "front",
                &[
                    ("Web", &["app"], &["10.0.0.2", "fd00::2"]),
                    ("web2", &["app"], &["10.0.0.3"]),
                ],
            ),
            zone("back", &[("db", &[], &["10.1.0.2"]), ("web", &[], &["10.1.0.3"])]),
        ]
    }

    fn settings() -> Settings {
        Settings {
            links: vec![
                [("page".to_owned(), "web2".to_owned())].into(),
                [
                    ("mysql".to_owned(), "DB".to_owned()),
                    ("site".to_owned(), "web".to_owned()),
                ]
                .into(),
            ],
            forward: true,
            ..Settings::default()
        }
    }

    fn query(name: &str, kind: TYPE) -> Vec<u8> {
        let mut packet = Packet::new_query(7);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        let name = Name::new(name).unwrap();
        let question = Question::new(name, QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false);
        packet.questions.push(question);
        packet.build_bytes_vec().unwrap()
    }

    fn ask(name: &str, kind: TYPE, settings: &Settings, turn: usize) -> String {
        let zones = zones();
        let names = Names {
            zones: &zones,
            settings,
        };
        let asked = query(name, kind);
        let answer = match react(&asked, names, turn, false) {
            Reaction::Answer(answer) => answer,
            other => return format!("{other:?}"),
        };
        assert!(is_answer(&answer, &asked));
        let packet = Packet::parse(&answer).unwrap();
        assert!(packet.has_flags(PacketFlag::RESPONSE | PacketFlag::RECURSION_AVAILABLE));
        let records = packet.answers.iter().map(|record| {
            assert_eq!(record.ttl, 600);
            match &record.rdata {
                RData::A(a) => Ipv4Addr::from(a.address).to_string(),
                RData::AAAA(aaaa) => Ipv6Addr::from(aaaa.address).to_string(),
                RData::PTR(name) => name.0.to_string(),
                other => format!("{other:?}"),
            }
        });
        let records: Vec<String> = records.collect();
        match packet.rcode() {
            RCODE::NoError => records.join(" "),
            code => format!("{code:?}"),
        }
    }

    #[test]
    fn names_are_answered_as_docker_answers_them() {
        let usual = settings();
        let a = |name: &str| ask(name, TYPE::A, &usual, 0);
        assert_eq!(a("web"), "10.0.0.2", "of the first network");
        assert_eq!(a("WEB.front"), "10.0.0.2");
        assert_eq!(a("web.back"), "10.1.0.3");
        assert_eq!(a("db"), "10.1.0.2");
        assert_eq!(a("mysql"), "10.1.0.2", "a link");
        assert_eq!(a("page"), "10.0.0.3");
        assert_eq!(a("mysql.back"), "10.1.0.2");
        assert_eq!(a("site"), "10.1.0.3", "a link is a word of one network");
        assert_eq!(a("site.front"), "Forward");
        assert_eq!(a("app"), "10.0.0.2 10.0.0.3");
        assert_eq!(ask("app", TYPE::A, &usual, 1), "10.0.0.3 10.0.0.2");
        assert_eq!(ask("web", TYPE::AAAA, &usual, 0), "fd00::2");
        assert_eq!(ask("db", TYPE::AAAA, &usual, 0), "", "known, but not by that");
        assert_eq!(ask("db", TYPE::MX, &usual, 0), "");
        assert_eq!(a("nobody"), "Forward");
        assert_eq!(a("web.nowhere"), "Forward");
        assert_eq!(ask("2.0.0.10.in-addr.arpa", TYPE::PTR, &usual, 0), "Web.front");
        assert_eq!(ask("9.0.0.10.in-addr.arpa", TYPE::PTR, &usual, 0), "Forward");
        let nibbles = format!("2.{}0.0.d.f.ip6.arpa", "0.".repeat(27));
        assert_eq!(ask(&nibbles, TYPE::PTR, &usual, 0), "Web.front");
    }

    #[test]
    fn others_are_asked_only_where_that_is_wanted() {
        let alone = Settings::default();
        assert_eq!(ask("nobody", TYPE::A, &alone, 0), "ServerFailure");
        let ndots = Settings {
            ndots: true,
            ..settings()
        };
        assert_eq!(ask("nobody", TYPE::A, &ndots, 0), "");
        assert_eq!(ask("nobody.org", TYPE::A, &ndots, 0), "Forward");
        assert_eq!(ask("nobody", TYPE::MX, &ndots, 0), "Forward");
    }

    #[test]
    fn what_does_not_fit_is_asked_for_again_by_stream() {
        let addresses: Vec<String> = (1..100).map(|number| format!("10.0.1.{number}")).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let zones = [zone("net", &[("many", &[], &addresses)])];
        let settings = settings();
        let names = Names {
            zones: &zones,
            settings: &settings,
        };
        let asked = query("many", TYPE::A);
        let answer = |stream| match react(&asked, names, 0, stream) {
            Reaction::Answer(answer) => answer,
            other => panic!("{other:?}"),
        };
        let cut = answer(false);
        let cut = Packet::parse(&cut).unwrap();
        assert!(cut.has_flags(PacketFlag::TRUNCATION));
        // Header and question take 22 bytes, each address 16.
        assert_eq!(cut.answers.len(), (512 - 22) / 16);
        assert_eq!(Packet::parse(&answer(true)).unwrap().answers.len(), 99);
    }

    #[test]
    fn no_bytes_do_harm() {
        let zones = zones();
        let settings = settings();
        let names = Names {
            zones: &zones,
            settings: &settings,
        };
        let sound = query("web.front", TYPE::A);
        let mut random = 0x5eed_u64;
        let mut next = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        for _ in 0..50_000 {
            let mut bytes = sound.clone();
            for _ in 0..next() % 4 {
                let at = usize::try_from(next()).unwrap_or(0) % bytes.len();
                bytes[at] = next().to_le_bytes()[0];
            }
            bytes.truncate(usize::try_from(next() % 40).unwrap_or(0));
            let _any = react(&bytes, names, 3, false);
            let _any = (failure(&bytes), is_answer(&bytes, &sound));
        }
        assert_eq!(react(b"", names, 0, false), Reaction::Ignore);
        let mut answer = sound.clone();
        answer[2] |= 0x80;
        assert_eq!(react(&answer, names, 0, false), Reaction::Ignore, "no loops");
    }
}
