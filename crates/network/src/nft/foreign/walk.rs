//! What becomes of a packet nobody cares about.

use super::Rules;
use super::rule::{Decision, Rule};

/// Chains call each other no deeper than this (`NFT_JUMP_STACK_SIZE`).
const DEEPEST: usize = 16;

/// Whether a chain must have our rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It lets pass what nobody drops.
    None,
    /// It drops what nobody accepts.
    Before {
        /// The rule that does so, or the chain's length: ours must be before.
        deadline: usize,
        /// The best place: before the rule there.
        place: usize,
    },
}

/// What becomes of it in one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The calling chain goes on.
    Falls,
    Passes,
    Drops,
}

/// Whether a chain, which `drops` at its end, must have our rule, and where.
pub(super) fn need(chain: &str, drops: bool, all: &Rules) -> Need {
    let rules = all.get(chain).map(Vec::as_slice).unwrap_or_default();
    let mut end = rules.len();
    let mut decided = false;
    for (index, rule) in rules.iter().enumerate() {
        match fate(rule, all, 0) {
            Some(Fate::Drops) => {
                (end, decided) = (index, true);
                break;
            }
            Some(Fate::Passes) => return Need::None,
            Some(Fate::Falls) => break, // to the chain's policy
            None => {}
        }
    }
    if !decided && !drops {
        return Need::None;
    }
    // Before what decides nothing: it logs what is about to be dropped.
    let place = rules[..end]
        .iter()
        .rposition(|rule| !is_idle(rule, all, 0))
        .map_or(0, |last| last + 1);
    Need::Before { deadline: end, place }
}

/// What becomes of it at this rule; nothing if the next one has its say.
fn fate(rule: &Rule, all: &Rules, depth: usize) -> Option<Fate> {
    if rule.is_conditional || rule.is_ours {
        return None;
    }
    match &rule.decision {
        Decision::None => None,
        Decision::Accept | Decision::Elsewhere => Some(Fate::Passes),
        Decision::Drop => Some(Fate::Drops),
        Decision::Return => Some(Fate::Falls),
        Decision::Jump(chain) => match through(chain, all, depth + 1) {
            Fate::Falls => None,
            decided => Some(decided),
        },
        Decision::Goto(chain) => Some(through(chain, all, depth + 1)),
    }
}

fn through(chain: &str, all: &Rules, depth: usize) -> Fate {
    if depth > DEEPEST {
        return Fate::Passes;
    }
    let rules = all.get(chain).map(Vec::as_slice).unwrap_or_default();
    rules
        .iter()
        .find_map(|rule| fate(rule, all, depth))
        .unwrap_or(Fate::Falls)
}

/// Whether the rule decides about no packet at all.
fn is_idle(rule: &Rule, all: &Rules, depth: usize) -> bool {
    match &rule.decision {
        Decision::None => true,
        Decision::Return => depth > 0,
        Decision::Jump(chain) if depth < DEEPEST => {
            let rules = all.get(chain).map(Vec::as_slice).unwrap_or_default();
            rules.iter().all(|rule| is_idle(rule, all, depth + 1))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        let (is_conditional, text) = match text.strip_prefix("if ") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let decision = match text.split_once(' ') {
            Some(("jump", chain)) => Decision::Jump(chain.to_owned()),
            Some(("goto", chain)) => Decision::Goto(chain.to_owned()),
            _ => match text {
                "accept" | "ours" => Decision::Accept,
                "drop" => Decision::Drop,
                "return" => Decision::Return,
                "queue" => Decision::Elsewhere,
                _ => Decision::None,
            },
        };
        Rule {
            handle: 0,
            is_conditional,
            decision,
            is_ours: text == "ours",
        }
    }

    /// Chains, each a line `NAME: rule, rule`; the first is asked.
    fn of(drops: bool, text: &str) -> Need {
        let mut all = Rules::new();
        let mut first = None;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (name, rules) = line.split_once(':').unwrap();
            let rules = rules.split(',').map(str::trim).filter(|rule| !rule.is_empty());
            all.insert(name.to_owned(), rules.map(rule).collect());
            first.get_or_insert(name);
        }
        need(first.unwrap(), drops, &all)
    }

    fn before(deadline: usize, place: usize) -> Need {
        Need::Before { deadline, place }
    }

    #[test]
    fn a_policy_drops_at_the_end() {
        assert_eq!(of(true, "f:"), before(0, 0));
        assert_eq!(of(false, "f: if drop, if accept"), Need::None);
        assert_eq!(of(true, "f: if drop, if accept, log"), before(3, 2));
        assert_eq!(of(true, "f: if drop, accept, drop"), Need::None);
        assert_eq!(of(true, "f: if accept, return, accept"), before(3, 3));
        assert_eq!(of(true, "f: queue"), Need::None);
    }

    #[test]
    fn chains_are_followed() {
        let firewalld = "f: if accept, jump zones
            zones: if goto public, goto public
            public: jump pre, if accept, drop
            pre:";
        assert_eq!(of(false, firewalld), before(1, 1));
        let ufw = "f: jump before-log, jump before, jump after, jump after-log, jump reject, jump track
            before-log:
            before: if accept, jump user
            user: if drop
            after:
            after-log: if log
            reject: drop
            track:";
        assert_eq!(of(true, ufw), before(4, 2));
        assert_eq!(of(true, &ufw.replace("reject: drop", "reject:")), before(6, 2));
        // A chain's end goes back to the calling one, but for a goto, whose calling chain is over.
        assert_eq!(of(false, "f: jump a, drop\na: if accept"), before(1, 1));
        assert_eq!(of(false, "f: goto a, drop\na: if accept"), Need::None);
        assert_eq!(of(false, "f: jump a\na: jump b\nb: jump a"), Need::None);
    }

    #[test]
    fn our_own_rule_does_not_count() {
        assert_eq!(of(true, "f: if accept, ours, log"), before(3, 2));
        assert_eq!(of(false, "f: ours, drop"), before(1, 1));
    }
}
