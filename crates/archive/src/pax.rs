//! PAX extended headers: `length key=value` records.

use crate::{Error, Result};

const XATTR_PREFIX: &str = "SCHILY.xattr.";

/// The records of one extended header, in their order.
#[derive(Debug, Default)]
pub(crate) struct PaxRecords {
    records: Vec<(String, Vec<u8>)>,
}

impl PaxRecords {
    pub(crate) fn parse(mut data: &[u8]) -> Result<Self> {
        let mut records = Vec::new();
        while !data.is_empty() {
            // Some writers pad with zero bytes.
            if data.iter().all(|byte| *byte == 0) {
                break;
            }
            let (record, rest) = split_record(data).ok_or(Error::TarHeader)?;
            let equals = record
                .iter()
                .position(|byte| *byte == b'=')
                .ok_or(Error::TarHeader)?;
            let key = std::str::from_utf8(&record[..equals]).map_err(|_| Error::TarHeader)?;
            records.push((key.to_owned(), record[equals + 1..].to_vec()));
            data = rest;
        }
        Ok(Self { records })
    }

    /// The last value of `key`; an empty one means that there is none.
    pub(crate) fn bytes(&self, key: &str) -> Option<&[u8]> {
        let found = self.records.iter().rev().find(|(name, _)| name == key);
        found
            .map(|(_, value)| value.as_slice())
            .filter(|value| !value.is_empty())
    }

    pub(crate) fn number(&self, key: &str) -> Result<Option<u64>> {
        self.bytes(key).map(parse_number).transpose()
    }

    /// A decimal fraction of seconds since 1970, to the nanosecond.
    pub(crate) fn time(&self, key: &str) -> Result<Option<(i64, u32)>> {
        let Some(value) = self.bytes(key) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(value).map_err(|_| Error::TarHeader)?;
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let seconds: i64 = whole.parse().map_err(|_| Error::TarHeader)?;
        let mut nanos = 0;
        for digit in fraction.bytes().chain(std::iter::repeat(b'0')).take(9) {
            if !digit.is_ascii_digit() {
                return Err(Error::TarHeader);
            }
            nanos = nanos * 10 + u32::from(digit - b'0');
        }
        Ok(Some(if whole.starts_with('-') && nanos > 0 {
            (
                seconds.checked_sub(1).ok_or(Error::TarHeader)?,
                1_000_000_000 - nanos,
            )
        } else {
            (seconds, nanos)
        }))
    }

    /// Extended attributes of the member.
    pub(crate) fn xattrs(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let of =
            |(key, value): &(String, Vec<u8>)| Some((key.strip_prefix(XATTR_PREFIX)?.into(), value.clone()));
        self.records.iter().filter_map(of).collect()
    }

    /// All records, for sparse maps, which repeat keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.records
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_slice()))
    }
}

/// A non-negative decimal number.
pub(crate) fn parse_number(value: &[u8]) -> Result<u64> {
    let text = std::str::from_utf8(value).map_err(|_| Error::TarHeader)?;
    text.parse().map_err(|_| Error::TarHeader)
}

/// One record's `key=value` and what follows it.
fn split_record(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = data.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&data[..space]).ok()?.parse().ok()?;
    if length <= space + 1 || length > data.len() || data[length - 1] != b'\n' {
        return None;
    }
    Some((&data[space + 1..length - 1], &data[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_records_and_refuses_nonsense() {
        let pax =
            PaxRecords::parse(b"12 path=abc\n20 mtime=-1.5000001\n28 SCHILY.xattr.user.a=b=\nc\n").unwrap();
        assert_eq!(pax.bytes("path"), Some(&b"abc"[..]));
        assert_eq!(pax.time("mtime").unwrap(), Some((-2, 499_999_900)));
        assert_eq!(pax.xattrs(), [(b"user.a".to_vec(), b"b=\nc".to_vec())]);
        for bad in ["x", "5 a=b\n", "99 a=b\n", "6 a=bc", "4 =\n5", "3 \n", "6 abc\n"] {
            assert!(PaxRecords::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
