//! Conversions from the v1 units the OCI spec speaks to v2 units.

/// CPU shares (2..=262144, default 1024) as a v2 `cpu.weight` (1..=10000, default 100).
///
/// The log-quadratic curve through minimum, default and maximum that runc (since 1.3.2) and crun (since 1.23) use,
/// published with kubernetes/kubernetes#131216; before it, 1024 shares came out as 39.
pub fn cpu_shares_to_weight(shares: u64) -> u64 {
    match shares {
        0..=2 => 1,
        262_144.. => 10_000,
        _ => {
            let log = (shares as f64).log2();
            let exponent = (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0;
            10f64.powf(exponent).ceil() as u64
        }
    }
}

/// A v1 `blkio.weight` (10..=1000) as a v2 `io.weight` (1..=10000), linearly, as the crun manual publishes it.
pub fn io_weight_from_blkio(weight: u16) -> u64 {
    let weight = u64::from(weight.clamp(10, 1000));
    1 + (weight - 10) * 9999 / 990
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points() {
        let weights = [0, 2, 512, 1024, 2000, 2048, 262_144, 1 << 40].map(cpu_shares_to_weight);
        // 2000 -> 170 is what opencontainers/runc#4896 reports for runc 1.4.
        assert_eq!(weights, [1, 1, 59, 100, 170, 174, 10_000, 10_000]);
        assert_eq!([10, 500, 1000].map(io_weight_from_blkio), [1, 4950, 10_000]);
    }
}
