//! Paths that are no text: clients may write any bytes there. Go's server passes them on, and answers that there is nothing of that
//! name; axum answers by itself, and not in Docker's form.

use std::borrow::Cow;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The same path where what is no UTF-8 stands as U+FFFD, which is how Go shows it; `None` when it is text as it is.
pub(super) fn readable_path(path: &str) -> Option<String> {
    if is_text(path) {
        return None;
    }
    let parts = path.split('/').map(|part| match is_text(part) {
        true => Cow::Borrowed(part),
        false => {
            let text = percent_decode_str(part).decode_utf8_lossy();
            Cow::Owned(utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string())
        }
    });
    Some(parts.collect::<Vec<_>>().join("/"))
}

fn is_text(path: &str) -> bool {
    !path.contains('%') || percent_decode_str(path).decode_utf8().is_ok()
}

#[cfg(test)]
mod tests {
    use super::readable_path;

    #[test]
    fn only_what_is_no_text_is_replaced() {
        for text in [
            "/containers/a/json",
            "/images/a%2Fb/json",
            "/volumes/%C3%BC",
            "/x/%",
            "/x/%zz",
        ] {
            assert_eq!(readable_path(text), None, "{text}");
        }
        assert_eq!(
            readable_path("/images/a%2Fb/%FF-%2F/json").unwrap(),
            "/images/a%2Fb/%EF%BF%BD%2D%2F/json"
        );
    }
}
