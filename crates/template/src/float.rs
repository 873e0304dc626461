//! Floats as Go's `strconv.FormatFloat` writes them.

/// `value` in format `e`, `E`, `f`, `F`, `g` or `G`; without a precision as many digits as tell it from its neighbours.
pub(crate) fn format(value: f64, verb: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = match verb {
        'e' | 'E' => scientific(value, precision),
        'f' | 'F' => match precision {
            Some(precision) => format!("{value:.precision$}"),
            None => format!("{value}"),
        },
        _ => general(value, precision),
    };
    if verb.is_ascii_uppercase() {
        text.to_uppercase()
    } else {
        text
    }
}

/// As Go's JSON encoder.
pub(crate) fn json(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        // One digit of the exponent is enough here.
        return scientific(value, None).replace("e-0", "e-");
    }
    format(value, 'f', None)
}

/// `1.5e+06`.
fn scientific(value: f64, precision: Option<usize>) -> String {
    let text = match precision {
        Some(precision) => format!("{value:.precision$e}"),
        None => format!("{value:e}"),
    };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn general(value: f64, precision: Option<usize>) -> String {
    let text = match precision {
        Some(precision) => format!("{value:.*e}", precision.max(1) - 1),
        None => format!("{value:e}"),
    };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mut count = digits.chars().filter(char::is_ascii_digit).collect::<String>();
    count.truncate(count.trim_end_matches('0').len().max(1));
    let count = i32::try_from(count.len()).unwrap_or(i32::MAX);
    let limit = match precision.map(|precision| i32::try_from(precision.max(1)).unwrap_or(i32::MAX)) {
        // The digits there are decide, when they reach to the point.
        Some(precision) if precision > count && count > exponent => count,
        Some(precision) => precision,
        None => 6,
    };
    if exponent < -4 || exponent >= limit {
        return scientific(value, usize::try_from(count - 1).ok());
    }
    let decimals = usize::try_from(count - 1 - exponent).unwrap_or(0);
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_writes_them() {
        for (value, verb, precision, text) in [
            (1.0, 'g', None, "1"),
            (0.1, 'g', None, "0.1"),
            (1e20, 'g', None, "1e+20"),
            (1_000_000.0, 'g', None, "1e+06"),
            (123_456_789.0, 'g', None, "1.23456789e+08"),
            (0.000_01, 'g', None, "1e-05"),
            (2.34567, 'g', Some(3), "2.35"),
            (100_000.0, 'g', Some(3), "1e+05"),
            (1.5, 'f', Some(6), "1.500000"),
            (1.5, 'f', None, "1.5"),
            (1234.5, 'e', Some(2), "1.23e+03"),
            (-2.0, 'E', None, "-2E+00"),
        ] {
            assert_eq!(format(value, verb, precision), text, "{value} %{verb}");
        }
        assert_eq!(json(1e21), "1e+21");
        assert_eq!(json(1e-7), "1e-7");
        assert_eq!(json(1_000_000.0), "1000000");
    }
}
