//! Docker's default profile as a table: what a container may call without further say, and what its capabilities
//! add. The facts are Docker's (moby profiles/seccomp); the layout is ours, so that a reader sees the rules at a glance.

use crate::profile::{Argument, Comparison, Conditions, Profile, Rule};
use crate::{Action, Arch};

/// `EPERM`, the answer to everything not listed.
const EPERM: u16 = 1;
/// `ENOSYS`: libraries fall back to `clone` then, whose flags can be filtered.
const ENOSYS: u16 = 38;
/// The `CLONE_NEW*` flags of namespaces, all of them.
const NEW_NAMESPACES: u64 = 0x7e02_0000;

/// One line of the table: calls by name, separated by blanks, and when the line holds.
struct Line {
    names: &'static str,
    when: When,
    action: Action,
}

/// What a line depends on.
enum When {
    /// Nothing.
    Always,
    /// A kernel of at least this version.
    Kernel(u32, u32),
    /// A capability in the bounding set.
    Cap(&'static str),
    /// A capability missing from the bounding set.
    NoCap(&'static str),
    /// One of these native machines, by their Go names.
    Machine(&'static [&'static str]),
    /// An argument, whatever the machine.
    Arg(Argument),
    /// An argument on this kind of machine (`true`: s390, which has the arguments of clone swapped), without the
    /// right to make namespaces.
    CloneArg(Argument, bool),
}

const fn allow(when: When, names: &'static str) -> Line {
    Line {
        names,
        when,
        action: Action::Allow,
    }
}

const fn arg(index: u32, op: Comparison, value: u64) -> Argument {
    Argument {
        index,
        value,
        value_two: 0,
        op,
    }
}

const S390: &[&str] = &["s390", "s390x"];

impl Profile {
    /// The profile that Docker applies unless told otherwise.
    pub fn docker_default() -> Self {
        Self {
            default_action: Action::Errno(EPERM),
            architectures: Vec::new(),
            arch_map: [Arch::X86_64, Arch::Aarch64]
                .into_iter()
                .map(|arch| {
                    (
                        arch.name().to_owned(),
                        arch.companions().map(|c| c.name().to_owned()).collect(),
                    )
                })
                .collect(),
            flags: None,
            rules: TABLE.iter().map(Line::rule).collect(),
        }
    }
}

impl Line {
    fn rule(&self) -> Rule {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let mut rule = Rule {
            names: self.names.split_ascii_whitespace().map(str::to_owned).collect(),
            action: self.action,
            arguments: Vec::new(),
            includes: Conditions::default(),
            excludes: Conditions::default(),
        };
        match &self.when {
            When::Always => (),
            When::Kernel(major, minor) => rule.includes.min_kernel = Some((*major, *minor)),
            When::Cap(cap) => rule.includes.capabilities = owned(&[cap]),
            When::NoCap(cap) => rule.excludes.capabilities = owned(&[cap]),
            When::Machine(machines) => rule.includes.machines = owned(machines),
            When::Arg(argument) => rule.arguments = vec![*argument],
            When::CloneArg(argument, s390) => {
                rule.arguments = vec![*argument];
                rule.excludes.capabilities = owned(&["CAP_SYS_ADMIN"]);
                let condition = if *s390 {
                    &mut rule.includes
                } else {
                    &mut rule.excludes
                };
                condition.machines = owned(S390);
            }
        }
        rule
    }
}

#[rustfmt::skip]
static TABLE: &[Line] = &[
    allow(When::Always,
        "_llseek _newselect accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod \
         chown chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime \
         clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range \
         creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 \
         epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 \
         fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 \
         fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat \
         fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 \
         futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu getcwd getdents \
         getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer \
         getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid \
         getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32 \
         getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel \
         io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get \
         ioprio_set ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 \
         lgetxattr link linkat listen listmount listxattr listxattrat llistxattr lremovexattr lseek lsetxattr \
         lstat lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat \
         mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open \
         mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal \
         msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat \
         open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect \
         poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease pselect6 \
         pselect6_time64 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv recvfrom \
         recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr removexattrat rename renameat \
         renameat2 restart_syscall riscv_hwprobe rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask \
         rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo \
         sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam \
         sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity \
         sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop \
         semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list \
         set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups \
         setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid \
         setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr setxattrat \
         shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall \
         socketpair splice stat stat64 statfs statfs64 statmount statx symlink symlinkat sync sync_file_range \
         syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime \
         timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 \
         timerfd_settime timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink \
         unlinkat uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write \
         writev"),
    allow(When::Kernel(4, 8), "process_vm_readv process_vm_writev ptrace"),

    // Every address family but AF_ALG (38) and AF_VSOCK (40), which reach past the container.
    allow(When::Arg(arg(0, Comparison::Lt, 38)), "socket"),
    allow(When::Arg(arg(0, Comparison::Eq, 39)), "socket"),
    allow(When::Arg(arg(0, Comparison::Gt, 40)), "socket"),

    // PER_LINUX, PER_LINUX32, both with UNAME26, and the query.
    allow(When::Arg(arg(0, Comparison::Eq, 0)), "personality"),
    allow(When::Arg(arg(0, Comparison::Eq, 0x8)), "personality"),
    allow(When::Arg(arg(0, Comparison::Eq, 0x2_0000)), "personality"),
    allow(When::Arg(arg(0, Comparison::Eq, 0x2_0008)), "personality"),
    allow(When::Arg(arg(0, Comparison::Eq, 0xffff_ffff)), "personality"),

    allow(When::Machine(&["ppc64le"]), "sync_file_range2 swapcontext"),
    allow(When::Machine(&["arm", "arm64"]),
        "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls"),
    allow(When::Machine(&["amd64", "x32"]), "arch_prctl"),
    allow(When::Machine(&["amd64", "x32", "x86"]), "modify_ldt"),
    allow(When::Machine(S390), "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr"),
    allow(When::Machine(&["riscv64"]), "riscv_flush_icache"),

    allow(When::Cap("CAP_DAC_READ_SEARCH"), "open_by_handle_at"),
    allow(When::Cap("CAP_SYS_ADMIN"),
        "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr \
         lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl \
         quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare"),
    Line {
        names: "clone",
        when: When::CloneArg(arg(0, Comparison::MaskedEq, NEW_NAMESPACES), false),
        action: Action::Allow,
    },
    Line {
        names: "clone",
        when: When::CloneArg(arg(1, Comparison::MaskedEq, NEW_NAMESPACES), true),
        action: Action::Allow,
    },
    Line { names: "clone3", when: When::NoCap("CAP_SYS_ADMIN"), action: Action::Errno(ENOSYS) },
    allow(When::Cap("CAP_SYS_BOOT"), "reboot"),
    allow(When::Cap("CAP_SYS_CHROOT"), "chroot"),
    allow(When::Cap("CAP_SYS_MODULE"), "delete_module init_module finit_module"),
    allow(When::Cap("CAP_SYS_PACCT"), "acct"),
    allow(When::Cap("CAP_SYS_PTRACE"), "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"),
    allow(When::Cap("CAP_SYS_RAWIO"), "iopl ioperm"),
    allow(When::Cap("CAP_SYS_TIME"), "settimeofday stime clock_settime clock_settime64"),
    allow(When::Cap("CAP_SYS_TTY_CONFIG"), "vhangup"),
    allow(When::Cap("CAP_SYS_NICE"), "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
    allow(When::Cap("CAP_SYSLOG"), "syslog"),
    allow(When::Cap("CAP_BPF"), "bpf"),
    allow(When::Cap("CAP_PERFMON"), "perf_event_open"),
];
