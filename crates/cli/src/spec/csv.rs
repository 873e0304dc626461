//! A line of comma-separated values by the rules of Go's `encoding/csv`, down to its sentences.

/// The fields of `line`, in which a field in quotes may have commas.
///
/// # Errors
/// A sentence with the place of the quote that is one too many or too few.
pub(crate) fn fields(line: &str) -> Result<Vec<String>, String> {
    if line.is_empty() {
        return Err("EOF".to_owned());
    }
    let wrong = |at: usize, reason: &str| Err(format!("parse error on line 1, column {}: {reason}", at + 1));
    let mut fields = vec![];
    let mut rest = line;
    loop {
        let begin = line.len() - rest.len();
        let Some(quoted) = rest.strip_prefix('"') else {
            let (field, more) = match rest.split_once(',') {
                Some((field, more)) => (field, Some(more)),
                None => (rest, None),
            };
            if let Some(at) = field.find('"') {
                return wrong(begin + at, "bare \" in non-quoted-field");
            }
            fields.push(field.to_owned());
            match more {
                Some(more) => rest = more,
                None => return Ok(fields),
            }
            continue;
        };
        let mut field = String::new();
        rest = quoted;
        loop {
            let Some((text, behind)) = rest.split_once('"') else {
                return wrong(line.len(), "extraneous or missing \" in quoted-field");
            };
            field.push_str(text);
            if let Some(more) = behind.strip_prefix('"') {
                field.push('"');
                rest = more;
            } else if let Some(more) = behind.strip_prefix(',') {
                rest = more;
                break;
            } else if behind.is_empty() {
                fields.push(field);
                return Ok(fields);
            } else {
                return wrong(
                    line.len() - behind.len() - 1,
                    "extraneous or missing \" in quoted-field",
                );
            }
        }
        fields.push(field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_complaints() {
        assert_eq!(fields("a,\"b,c\",d").unwrap(), ["a", "b,c", "d"]);
        assert_eq!(fields("a,").unwrap(), ["a", ""]);
        assert_eq!(fields("\"a\"\"b\",\"\"").unwrap(), ["a\"b", ""]);
        for (line, complaint) in [
            ("", "EOF"),
            (
                "a=\"x",
                "parse error on line 1, column 3: bare \" in non-quoted-field",
            ),
            (
                "\"ab",
                "parse error on line 1, column 4: extraneous or missing \" in quoted-field",
            ),
            (
                "x,\"a\"b",
                "parse error on line 1, column 5: extraneous or missing \" in quoted-field",
            ),
        ] {
            assert_eq!(fields(line).unwrap_err(), complaint, "{line}");
        }
    }
}
