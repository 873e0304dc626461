//! Rules of others, as far as is needed to know what becomes of packets nobody cares about.

use crate::netlink::Attributes;

const LIST_ELEMENT: u16 = 1;
const COMMENT: u8 = 0; // NFTNL_UDATA_RULE_COMMENT

/// What a rule does with a packet that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing: it counts, logs or marks.
    None,
    /// It leaves the chain and all chains it was called from.
    Accept,
    /// It is dropped or refused.
    Drop,
    /// Another chain has its say, then the next rule.
    Jump(String),
    /// Another chain has its say, then the calling one.
    Goto(String),
    /// The calling chain goes on.
    Return,
    /// It is handed to somebody else (a queue, a proxy), or nobody knows.
    Elsewhere,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// The kernel's number for it.
    pub(super) handle: u64,
    /// Whether it fits some packets only.
    pub(super) is_conditional: bool,
    pub(super) decision: Decision,
    /// Whether it is the one we put there.
    pub(super) is_ours: bool,
}

/// User data that nft and iptables show as a comment.
pub(super) fn comment(text: &str) -> Vec<u8> {
    let text: Vec<u8> = text.bytes().chain([0]).collect();
    // A table's name is shorter than the 255 bytes there are.
    let mut data = vec![COMMENT, text.len() as u8];
    data.extend(text);
    data
}

/// Name of its chain, and the rule.
pub(super) fn parse(attributes: Attributes<'_>, name: &str) -> Option<(String, Rule)> {
    let chain = attributes.find_text(2)?.to_owned();
    let handle = u64::from_be_bytes(attributes.find(3)?.try_into().ok()?);
    let mut rule = Rule {
        handle,
        is_conditional: false,
        decision: Decision::None,
        is_ours: false,
    };
    let (mut looks_at_mark, mut has_comment) = (false, false);
    if let Some(data) = attributes.find(7) {
        has_comment = is_comment(data, name);
    }
    for (kind, expression) in attributes.nested(4) {
        let expression = Attributes(expression);
        let (Some(name_of), true) = (expression.find_text(1), kind == LIST_ELEMENT) else {
            continue;
        };
        let data = expression.nested(2);
        match name_of {
            "immediate" => {
                if let Some(decision) = verdict(data) {
                    rule.decision = decision;
                }
            }
            "reject" => rule.decision = Decision::Drop,
            "target" => match data.find_text(1) {
                Some("REJECT" | "TARPIT") => rule.decision = Decision::Drop,
                Some("LOG" | "NFLOG" | "MARK" | "CONNMARK" | "TCPMSS" | "CT" | "TRACE" | "AUDIT" | "SET") => {
                }
                _ => rule.decision = Decision::Elsewhere,
            },
            "queue" | "synproxy" | "tproxy" | "fwd" => rule.decision = Decision::Elsewhere,
            "match" => match data.find_text(1) {
                Some("comment") => has_comment |= data.find(3).is_some_and(|text| is_text(text, name)),
                other => {
                    looks_at_mark |= other == Some("mark");
                    rule.is_conditional = true;
                }
            },
            "meta" => looks_at_mark |= data.find_be32(2) == Some(MARK),
            // They load, compute, count or note.
            "bitwise" | "byteorder" | "counter" | "log" | "notrack" | "objref" | "last" | "ct" | "rt"
            | "fib" | "hash" | "numgen" | "dup" => {}
            "lookup" => {
                rule.is_conditional = true;
                // A verdict map: who knows where it leads.
                if data.find_be32(3) == Some(0) {
                    rule.decision = Decision::Elsewhere;
                }
            }
            // They compare, count up to something, or look for what may not be there.
            _ => rule.is_conditional = true,
        }
    }
    rule.is_ours = has_comment && looks_at_mark && rule.decision == Decision::Accept;
    Some((chain, rule))
}

/// `NFT_META_MARK`.
const MARK: u32 = 3;

fn verdict(immediate: Attributes<'_>) -> Option<Decision> {
    const VERDICT: u16 = 2;
    const QUEUE: i32 = 3;
    let verdict = immediate.nested(2);
    verdict.find(VERDICT)?;
    let verdict = verdict.nested(VERDICT);
    let chain = || verdict.find_text(2).unwrap_or_default().to_owned();
    Some(match verdict.find_be32(1)? as i32 {
        0 => Decision::Drop,
        1 => Decision::Accept,
        -3 => Decision::Jump(chain()),
        -4 => Decision::Goto(chain()),
        -5 => Decision::Return,
        -1 | -2 => Decision::None,
        other if other & 0xff == QUEUE => Decision::Elsewhere,
        _ => Decision::Elsewhere,
    })
}

/// Whether the user data of a rule holds this comment.
fn is_comment(mut data: &[u8], name: &str) -> bool {
    while let [kind, length, rest @ ..] = data {
        let Some((value, after)) = rest.split_at_checked(usize::from(*length)) else {
            return false;
        };
        if *kind == COMMENT {
            return is_text(value, name);
        }
        data = after;
    }
    false
}

/// Whether the bytes up to the first zero are this text.
fn is_text(bytes: &[u8], text: &str) -> bool {
    bytes.split(|byte| *byte == 0).next() == Some(text.as_bytes())
}
