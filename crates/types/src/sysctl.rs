//! Kernel parameters that belong to a namespace.

/// Parameters of System V IPC.
const SYSTEM_V: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

/// Whether a kernel parameter, written with dots, belongs to the IPC namespace.
pub fn is_ipc_sysctl(name: &str) -> bool {
    SYSTEM_V.contains(&name) || name.starts_with("fs.mqueue.")
}

#[cfg(test)]
mod tests {
    use super::is_ipc_sysctl;

    #[test]
    fn those_of_messages_and_shared_memory_are() {
        assert!(is_ipc_sysctl("kernel.sem") && is_ipc_sysctl("fs.mqueue.msg_max"));
        assert!(!is_ipc_sysctl("kernel.hostname") && !is_ipc_sysctl("vm.swappiness"));
    }
}
