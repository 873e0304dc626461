//! What is looked at of a message before it is taken apart as a whole: askers may send anything, and a message of many
//! compressed names costs more than it is worth.

/// The largest query that is taken, in bytes: more than any asker sends.
pub const LARGEST_QUERY: usize = 4096;
/// Bytes before the first question.
pub const HEADER: usize = 12;
/// An OPT record and a signature.
const MOST_ADDITIONAL: u16 = 2;

/// What kind of message somebody sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A query with one question.
    Query,
    /// A request of another kind, or for several things at once.
    Other,
    /// A request that is not in good form.
    Malformed,
    /// Nothing that is answered: an answer, or too short.
    Nothing,
}

pub(crate) fn kind(message: &[u8]) -> Kind {
    let Some(header) = message.first_chunk::<HEADER>() else {
        return Kind::Nothing;
    };
    let count = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let opcode = header[2] & 0x78;
    match (count(4), count(6), count(8), count(10)) {
        _ if header[2] & 0x80 != 0 => Kind::Nothing,
        _ if message.len() > LARGEST_QUERY => Kind::Malformed,
        _ if opcode != 0 => Kind::Other,
        (1, 0, 0, ..=MOST_ADDITIONAL) if question(message).is_some() => Kind::Query,
        (1, ..) => Kind::Malformed,
        _ => Kind::Other,
    }
}

/// The only question of a message: its name, which must be written out, and its type and class.
pub(crate) fn question(message: &[u8]) -> Option<(&[u8], &[u8; 4])> {
    const LONGEST_LABEL: usize = 63;
    const LONGEST_NAME: usize = 255;
    if message.get(4..6)? != [0, 1] {
        return None;
    }
    let rest = message.get(HEADER..)?;
    let mut end = 0;
    loop {
        let label = usize::from(*rest.get(end)?);
        end += 1 + label;
        if label > LONGEST_LABEL || end > LONGEST_NAME {
            return None;
        }
        if label == 0 {
            break;
        }
    }
    Some((&rest[..end], rest[end..].first_chunk()?))
}

/// Whether `answer` may be one to `query`: others could send anything.
pub fn is_answer(answer: &[u8], query: &[u8]) -> bool {
    let (Some((name, kind)), Some((asked, wanted))) = (question(answer), question(query)) else {
        return false;
    };
    answer[2] & 0x80 != 0 && answer[..2] == query[..2] && name.eq_ignore_ascii_case(asked) && kind == wanted
}

/// The answer without records to a request, with its question if it is in good form; none to what is no request.
pub(crate) fn bare_answer(request: &[u8], code: u8) -> Option<Vec<u8>> {
    const RESPONSE: u8 = 0x80;
    const RECURSION_AVAILABLE: u8 = 0x80;
    // The same kind of request, and whether it asked for recursion.
    const REPEATED: u8 = 0x79;
    let header = request.first_chunk::<HEADER>()?;
    let flags = header[2];
    if flags & RESPONSE != 0 {
        return None;
    }
    let mut answer = vec![
        header[0],
        header[1],
        RESPONSE | flags & REPEATED,
        RECURSION_AVAILABLE | code,
    ];
    let question = question(request);
    answer.extend([0, u8::from(question.is_some()), 0, 0, 0, 0, 0, 0]);
    if let Some((name, kind)) = question {
        answer.extend_from_slice(name);
        answer.extend_from_slice(kind);
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(counts: [u8; 4], rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 7, 1, 0];
        bytes.extend(counts.into_iter().flat_map(|count| [0, count]));
        bytes.extend_from_slice(rest);
        bytes
    }

    const QUESTION: &[u8] = b"\x03Web\x00\x00\x01\x00\x01";

    #[test]
    fn only_what_is_cheap_is_a_query() {
        assert_eq!(kind(&message([1, 0, 0, 0], QUESTION)), Kind::Query);
        assert_eq!(kind(&message([1, 0, 0, 1], QUESTION)), Kind::Query);
        assert_eq!(kind(&message([1, 0, 0, 3], QUESTION)), Kind::Malformed);
        assert_eq!(kind(&message([1, 1, 0, 0], QUESTION)), Kind::Malformed);
        assert_eq!(kind(&message([0, 1, 0, 0], QUESTION)), Kind::Other);
        assert_eq!(kind(&message([2, 0, 0, 0], QUESTION)), Kind::Other);
        assert_eq!(
            kind(&message([1, 0, 0, 0], b"\xc0\x0c\x00\x01\x00\x01")),
            Kind::Malformed
        );
        assert_eq!(
            kind(&message([1, 0, 0, 0], &b"\x01a".repeat(200))),
            Kind::Malformed
        );
        let long = [QUESTION, &[0; LARGEST_QUERY]].concat();
        assert_eq!(kind(&message([1, 0, 0, 0], &long)), Kind::Malformed);
        assert_eq!(kind(b"short"), Kind::Nothing);
    }

    #[test]
    fn an_answer_is_one_to_the_question() {
        let query = message([1, 0, 0, 0], QUESTION);
        let mut answer = bare_answer(&query, 2).unwrap();
        assert_eq!(
            answer,
            [&[0, 7, 0x81, 0x82, 0, 1, 0, 0, 0, 0, 0, 0], QUESTION].concat()
        );
        assert!(is_answer(&answer, &query) && !is_answer(&query, &query));
        answer[13] = b'w';
        assert!(is_answer(&answer, &query), "letters are alike");
        let end = answer.len() - 3;
        answer[end] = 28;
        assert!(!is_answer(&answer, &query), "types are not");
        assert_eq!(bare_answer(&answer, 2), None);
    }
}
