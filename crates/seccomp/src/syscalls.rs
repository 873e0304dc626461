//! System call numbers by name, from a table taken from the kernel headers.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::Arch;
use crate::arch::X32_BIT;

/// One line per name with its number on each of [`Arch::ALL`], or `-`.
const TABLE: &str = include_str!("syscalls.tsv");

/// The numbers of one call, in the order of [`Arch::ALL`].
type Numbers = [Option<u32>; Arch::ALL.len()];

/// The number of `name` on `arch` (x32 with its flag bit); `None` if the architecture has no such call.
pub fn syscall_number(arch: Arch, name: &str) -> Option<u32> {
    numbers(name)?[arch as usize]
}

/// The numbers of `name` on every architecture; `None` if none has it.
pub(crate) fn numbers(name: &str) -> Option<&'static Numbers> {
    static PARSED: OnceLock<HashMap<&'static str, Numbers>> = OnceLock::new();
    PARSED.get_or_init(parse).get(name)
}

/// The name's sub-number under x86's `socketcall` or `ipc`, through which 32-bit programs used to reach these.
pub(crate) fn multiplexed(name: &str) -> Option<(&'static str, u64)> {
    const SOCKET: [&str; 20] = [
        "socket",
        "bind",
        "connect",
        "listen",
        "accept",
        "getsockname",
        "getpeername",
        "socketpair",
        "send",
        "recv",
        "sendto",
        "recvfrom",
        "shutdown",
        "setsockopt",
        "getsockopt",
        "sendmsg",
        "recvmsg",
        "accept4",
        "recvmmsg",
        "sendmmsg",
    ];
    const IPC: [(&str, u64); 12] = [
        ("semop", 1),
        ("semget", 2),
        ("semctl", 3),
        ("semtimedop", 4),
        ("msgsnd", 11),
        ("msgrcv", 12),
        ("msgget", 13),
        ("msgctl", 14),
        ("shmat", 21),
        ("shmdt", 22),
        ("shmget", 23),
        ("shmctl", 24),
    ];
    if let Some(index) = SOCKET.iter().position(|socket| *socket == name) {
        return Some(("socketcall", index as u64 + 1));
    }
    IPC.iter()
        .find(|(ipc, _)| *ipc == name)
        .map(|(_, number)| ("ipc", *number))
}

fn parse() -> HashMap<&'static str, Numbers> {
    let mut table = HashMap::with_capacity(512);
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let Some(name) = words.next() else { continue };
        let mut numbers = Numbers::default();
        for (number, word) in numbers.iter_mut().zip(words) {
            *number = word.parse().ok();
        }
        let x32 = &mut numbers[Arch::X32 as usize];
        *x32 = x32.map(|number: u32| number | X32_BIT);
        table.insert(name, numbers);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_numbers() {
        let of = |name| Arch::ALL.map(|arch| syscall_number(arch, name));
        assert_eq!(of("read"), [Some(0), Some(3), Some(X32_BIT), Some(63), Some(3)]);
        assert_eq!(
            of("clone3"),
            [Some(435), Some(435), Some(X32_BIT | 435), Some(435), Some(435)]
        );
        assert_eq!(
            of("ioctl"),
            [Some(16), Some(54), Some(X32_BIT | 514), Some(29), Some(54)]
        );
        assert_eq!(of("nonsense"), [None; 5]);
    }

    #[test]
    fn table_is_whole_and_numbers_are_the_right_arch() {
        for (index, arch) in Arch::ALL.into_iter().enumerate() {
            assert_eq!(arch as usize, index);
        }
        for line in TABLE.lines().skip(1) {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(words.len(), 6, "{line}");
            assert!(
                words[1..]
                    .iter()
                    .all(|word| *word == "-" || word.parse::<u32>().is_ok()),
                "{line}"
            );
        }
    }

    #[test]
    fn multiplexed_numbers() {
        assert_eq!(multiplexed("socket"), Some(("socketcall", 1)));
        assert_eq!(multiplexed("sendmmsg"), Some(("socketcall", 20)));
        assert_eq!(multiplexed("shmctl"), Some(("ipc", 24)));
        assert_eq!(multiplexed("read"), None);
    }
}
