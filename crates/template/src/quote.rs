//! Go's quoted texts: `strconv.Quote` and `strconv.Unquote`.

/// A text in double quotes, as Go's `%q`.
pub fn quote(text: &str) -> String {
    quote_with(text, '"', false)
}

/// A text in `mark`s; with `ascii` everything else is escaped.
pub(crate) fn quote_with(text: &str, mark: char, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(mark);
    for c in text.chars() {
        match c {
            c if c == mark || c == '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if is_print(c) && (c.is_ascii() || !ascii) => out.push(c),
            c => {
                let code = u32::from(c);
                out.push_str(&match code {
                    ..0x80 => format!("\\x{code:02x}"),
                    0x80..0x1_0000 => format!("\\u{code:04x}"),
                    0x1_0000.. => format!("\\U{code:08x}"),
                });
            }
        }
    }
    out.push(mark);
    out
}

/// Whether Go counts a character as printable.
pub(crate) fn is_print(c: char) -> bool {
    match c {
        ' ' | '\'' | '"' | '\\' => true,
        c if c.is_ascii() => c.is_ascii_graphic(),
        c if c.is_control() || c.is_whitespace() => false,
        // The standard library knows which characters cannot be shown; combining marks it escapes, too, and Go does not.
        c => c.is_alphanumeric() || c.escape_debug().count() == 1 || is_mark(c),
    }
}

/// Combining marks of the common blocks.
fn is_mark(c: char) -> bool {
    matches!(u32::from(c), 0x300..=0x36f | 0x483..=0x489 | 0x591..=0x5bd | 0x610..=0x61a | 0x64b..=0x65f
        | 0x900..=0x903 | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f)
}

/// The text between quotes or backquotes; `None` where Go says `invalid syntax`.
pub(crate) fn unquote(text: &str) -> Option<String> {
    if let Some(raw) = text.strip_prefix('`') {
        return Some(raw.strip_suffix('`')?.replace('\r', ""));
    }
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        let (piece, tail) = unquote_char(rest, '"')?;
        match piece {
            Piece::Char(c) => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            Piece::Byte(byte) => bytes.push(byte),
        }
        rest = tail;
    }
    // Go's texts may hold any bytes, ours what a terminal can show of them.
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What one character or escape sequence stands for.
pub(crate) enum Piece {
    Char(char),
    /// From `\x..` or an octal number.
    Byte(u8),
}

/// Reads one character or escape sequence inside `mark`s.
pub(crate) fn unquote_char(text: &str, mark: char) -> Option<(Piece, &str)> {
    let mut chars = text.chars();
    let first = chars.next()?;
    if first == mark || first == '\n' {
        return None;
    }
    if first != '\\' {
        return Some((Piece::Char(first), chars.as_str()));
    }
    let simple = |c| Some(Piece::Char(c));
    let letter = chars.next()?;
    let rest = chars.as_str();
    let number = |digits: usize, radix| {
        let text = rest.get(..digits)?;
        let all = text.chars().all(|c| c.is_digit(radix));
        all.then(|| u32::from_str_radix(text, radix).ok())?
    };
    let (piece, used) = match letter {
        'a' => (simple('\u{7}'), 0),
        'b' => (simple('\u{8}'), 0),
        'f' => (simple('\u{c}'), 0),
        'n' => (simple('\n'), 0),
        'r' => (simple('\r'), 0),
        't' => (simple('\t'), 0),
        'v' => (simple('\u{b}'), 0),
        '\\' => (simple('\\'), 0),
        c @ ('\'' | '"') if c == mark => (simple(c), 0),
        'x' => (Some(Piece::Byte(u8::try_from(number(2, 16)?).ok()?)), 2),
        'u' => (char::from_u32(number(4, 16)?).map(Piece::Char), 4),
        'U' => (char::from_u32(number(8, 16)?).map(Piece::Char), 8),
        '0'..='7' => {
            let digits = text.get(1..4)?;
            if !digits.bytes().all(|b| matches!(b, b'0'..=b'7')) {
                return None;
            }
            (
                Some(Piece::Byte(
                    u8::try_from(u32::from_str_radix(digits, 8).ok()?).ok()?,
                )),
                2,
            )
        }
        _ => (None, 0),
    };
    Some((piece?, &rest[used..]))
}
