//! Go's `omitempty`: the predicate fields are skipped by.

/// Whether `value` is what Go's `omitempty` leaves out (false, zero, empty text, empty or absent collection).
pub(crate) fn zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::zero;

    #[test]
    fn knows_go_zero_values() {
        assert!(zero(&false) && zero(&0_i64) && zero(&String::new()) && zero(&Vec::<u8>::new()));
        assert!(zero(&None::<i64>));
        assert!(!zero(&Some(0_i64)));
    }
}
