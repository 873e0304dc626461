//! `--gpus`: a request for devices of a device driver.

use std::collections::BTreeMap;

use corten_wire::DeviceRequest;

/// Judges `--gpus`.
pub(super) fn check(text: &str) -> Result<(), String> {
    parse(text).map(drop)
}

/// Reads `all`, a number, or `driver=…,count=…,device=…,capabilities=…,options=…`.
pub(super) fn parse(text: &str) -> Result<DeviceRequest, String> {
    let mut request = DeviceRequest {
        options: Some(BTreeMap::new()),
        ..DeviceRequest::default()
    };
    let mut capabilities = vec!["gpu".to_owned()];
    let list = |value: &str| -> Vec<String> { value.split(',').map(str::to_owned).collect() };
    let mut seen = Vec::new();
    for field in super::csv::fields(text)? {
        let (key, value) = field.split_once('=').unwrap_or((field.as_str(), ""));
        if seen.iter().any(|other| other == key) {
            return Err(format!("gpu request key '{key}' can be specified only once"));
        }
        seen.push(key.to_owned());
        match (key, field.contains('=')) {
            (count, false) => request.count = number(count)?,
            ("count", _) => request.count = number(value)?,
            ("driver", _) => value.clone_into(&mut request.driver),
            ("device", _) => request.device_ids = Some(list(value)),
            ("capabilities", _) => {
                capabilities = list(value);
                capabilities.push("gpu".to_owned());
            }
            ("options", _) => {
                let pair = |text: String| {
                    let (key, value) = text.split_once('=').unwrap_or((&text, ""));
                    (key.to_owned(), value.to_owned())
                };
                request.options = Some(list(value).into_iter().map(pair).collect());
            }
            _ => return Err(format!("unexpected key '{key}' in '{field}'")),
        }
    }
    if request.count == 0 && request.device_ids.is_none() {
        request.count = 1;
    }
    request.capabilities = Some(vec![capabilities]);
    Ok(request)
}

fn number(text: &str) -> Result<i64, String> {
    match text {
        "all" => Ok(-1),
        digits => digits.parse().map_err(|_| {
            format!("invalid count ({digits}): value must be either \"all\" or an integer: invalid syntax")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let all = parse("all").unwrap();
        assert_eq!(
            (all.count, all.capabilities),
            (-1, Some(vec![vec!["gpu".to_owned()]]))
        );
        let one = parse("device=GPU-1,driver=nvidia").unwrap();
        assert_eq!((one.count, one.device_ids.unwrap().len()), (0, 1));
        assert_eq!(parse("x=1").unwrap_err(), "unexpected key 'x' in 'x=1'");
        assert!(parse("many").is_err());
    }
}
