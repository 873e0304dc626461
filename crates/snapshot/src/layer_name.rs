//! Short directory names for chain ids.

use crate::ChainId;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Characters of a name: 27 of 6 bits are 162, so that finding two chain ids of one name is as hopeless as it was for
/// SHA-1's designers, while 128 of them and their colons stay below 4 KiB.
pub(crate) const NAME_LEN: usize = 27;

/// The name of a layer's directory: the first 162 bits of its chain id, six to a character.
pub(crate) fn layer_name(chain_id: &ChainId) -> String {
    let mut bits = 0u32;
    let mut count = 0;
    let mut name = String::with_capacity(NAME_LEN);
    for digit in chain_id.hex().bytes() {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            // Digests are lower case.
            _ => digit - b'a' + 10,
        };
        bits = bits << 4 | u32::from(value);
        count += 4;
        if count >= 6 {
            count -= 6;
            name.push(char::from(ALPHABET[(bits >> count & 63) as usize]));
            if name.len() == NAME_LEN {
                break;
            }
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_differ() {
        let a = layer_name(&ChainId::from_sha256([0; 32]));
        let b = layer_name(&ChainId::from_sha256([0xff; 32]));
        assert_eq!(a, "A".repeat(NAME_LEN));
        assert_eq!(b, "_".repeat(NAME_LEN));
        // 0x01 0x02 0x03 is 000000 010000 001000 000011.
        let mut bytes = [0; 32];
        bytes[..3].copy_from_slice(&[1, 2, 3]);
        assert!(layer_name(&ChainId::from_sha256(bytes)).starts_with("AQIDAA"));
    }
}
