//! Files that are answers of the kernel, not data: what is read of them is not what their sizes say, and writing them back
//! elsewhere means nothing.

use std::os::fd::AsFd;

/// Magic numbers of such file systems (`linux/magic.h`): proc, sysfs, cgroup, cgroup2, securityfs, debugfs, tracefs, bpf.
const MAGIC: [u64; 8] = [
    0x9fa0,
    0x6265_6572,
    0x0027_e0eb,
    0x6367_7270,
    0x7363_6673,
    0x6462_6720,
    0x7472_6163,
    0xcafe_4a11,
];

/// Whether an open file, maybe a mere place (`O_PATH`), is on such a file system.
///
/// # Errors
/// The kernel's.
pub fn is_of_kernel(file: impl AsFd) -> rustix::io::Result<bool> {
    let magic = rustix::fs::fstatfs(file)?.f_type;
    Ok(u64::try_from(magic).is_ok_and(|magic| MAGIC.contains(&magic)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_answers_are_told_from_data() {
        let is = |path: &str| is_of_kernel(std::fs::File::open(path).unwrap()).unwrap();
        assert!(is("/proc/self/status") && is("/sys/kernel"));
        assert!(!is("/etc/passwd") && !is("/dev/null"));
    }
}
