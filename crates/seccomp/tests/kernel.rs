//! The kernel's own opinion: children under a compiled filter make real system calls.

#![allow(clippy::unwrap_used)] // helpers of tests, too, may fail loudly

use corten_seccomp::{Arch, Profile, Program, Target, compile};
use libc::{c_int, c_long};

/// What a call gives: its result, or minus the error number. No allocation: runs in a forked child.
fn call(number: c_long, args: [c_long; 4]) -> c_long {
    // SAFETY: callers pass numbers and arguments that touch no memory of ours (null or scratch pointers).
    unsafe {
        let result = libc::syscall(number, args[0], args[1], args[2], args[3]);
        if result == -1 {
            -c_long::from(*libc::__errno_location())
        } else {
            result
        }
    }
}

/// Runs `body` in a child under the filter; gives the raw wait status.
fn under(program: &Program, body: impl FnOnce() -> c_int) -> c_int {
    let bytes = program.to_bytes();
    let filter = libc::sock_fprog {
        len: u16::try_from(program.instructions.len()).unwrap(),
        filter: bytes.as_ptr().cast_mut().cast(),
    };
    // SAFETY: the child makes plain system calls on data prepared before the fork and ends with _exit; the filter's
    // bytes are `struct sock_filter`s and outlive the call.
    unsafe {
        let pid = libc::fork();
        assert!(pid >= 0);
        if pid == 0 {
            if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 {
                libc::_exit(101);
            }
            // SECCOMP_SET_MODE_FILTER
            if libc::syscall(libc::SYS_seccomp, 1, program.flags, &raw const filter) != 0 {
                libc::_exit(102);
            }
            libc::_exit(body());
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(pid, &mut status, 0), pid);
        status
    }
}

fn compiled(profile: &Profile, capabilities: &[&str]) -> Option<Program> {
    Some(
        compile(
            profile,
            &Target {
                arch: Arch::native()?,
                kernel: (6, 1),
                capabilities,
            },
        )
        .unwrap(),
    )
}

fn exit_code(status: c_int) -> c_int {
    assert!(libc::WIFEXITED(status), "ended by a signal: status {status:#x}");
    libc::WEXITSTATUS(status)
}

/// The calls that must fail, each with its error. All would fail otherwise, or succeed, without the filter.
const REFUSED: [(c_long, [c_long; 4], c_int); 12] = [
    // A bad pointer: EFAULT from the kernel proper.
    (libc::SYS_mount, [1, 1, 1, 0], libc::EPERM),
    (
        libc::SYS_unshare,
        [libc::CLONE_NEWUSER as c_long, 0, 0, 0],
        libc::EPERM,
    ),
    (
        libc::SYS_clone,
        [libc::CLONE_NEWUSER as c_long | libc::SIGCHLD as c_long, 0, 0, 0],
        libc::EPERM,
    ),
    (libc::SYS_clone3, [0, 0, 0, 0], libc::ENOSYS),
    (libc::SYS_keyctl, [0, 0, 0, 0], libc::EPERM),
    (libc::SYS_add_key, [0, 0, 0, 0], libc::EPERM),
    (libc::SYS_bpf, [0, 0, 0, 0], libc::EPERM),
    (libc::SYS_reboot, [0, 0, 0, 0], libc::EPERM),
    (
        libc::SYS_socket,
        [38, libc::SOCK_SEQPACKET as c_long, 0, 0],
        libc::EPERM,
    ),
    (
        libc::SYS_socket,
        [40, libc::SOCK_STREAM as c_long, 0, 0],
        libc::EPERM,
    ),
    (libc::SYS_personality, [0x0004_0000, 0, 0, 0], libc::EPERM),
    // Later than anything the profile knows.
    (900, [0, 0, 0, 0], libc::ENOSYS),
];

#[test]
fn docker_default_in_force() {
    let Some(program) = compiled(&Profile::docker_default(), &["CAP_SYS_CHROOT"]) else {
        return;
    };
    let status = under(&program, || {
        for (index, (number, args, errno)) in REFUSED.iter().enumerate() {
            if call(*number, *args) != -c_long::from(*errno) {
                return index as c_int + 1;
            }
        }
        0
    });
    assert_eq!(
        exit_code(status),
        0,
        "the number of the first call that was not refused as it should be"
    );
}

#[test]
fn ordinary_life_goes_on() {
    let Some(program) = compiled(&Profile::docker_default(), &["CAP_SYS_CHROOT"]) else {
        return;
    };
    let status = under(&program, || {
        // SAFETY: plain calls on local buffers; the grandchild exits at once.
        unsafe {
            let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
            if null < 0 || libc::write(null, c"x".as_ptr().cast(), 1) != 1 {
                return 1;
            }
            let page = libc::mmap(
                std::ptr::null_mut(),
                4096,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            if page == libc::MAP_FAILED || libc::munmap(page, 4096) != 0 {
                return 2;
            }
            let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
            if socket < 0 {
                return 3;
            }
            match libc::fork() {
                0 => libc::_exit(7),
                pid => {
                    let mut status = 0;
                    if libc::waitpid(pid, &mut status, 0) != pid || libc::WEXITSTATUS(status) != 7 {
                        return 4;
                    }
                }
            }
        }
        if call(libc::SYS_personality, [0xffff_ffff, 0, 0, 0]) < 0 {
            return 5;
        }
        // Allowed by the capability in the bounding set; the path does not exist.
        if call(libc::SYS_chroot, [c"/nowhere/at/all".as_ptr() as c_long, 0, 0, 0])
            != -c_long::from(libc::ENOENT)
        {
            return 6;
        }
        0
    });
    assert_eq!(exit_code(status), 0, "the number of the first thing that failed");
}

#[test]
fn sys_admin_opens_what_it_should() {
    let Some(program) = compiled(&Profile::docker_default(), &["CAP_SYS_ADMIN"]) else {
        return;
    };
    let status = under(&program, || {
        if call(libc::SYS_mount, [1, 1, 1, 0]) != -c_long::from(libc::EFAULT) {
            return 1;
        }
        if call(libc::SYS_clone3, [0, 0, 0, 0]) != -c_long::from(libc::EINVAL) {
            return 2;
        }
        c_int::from(call(libc::SYS_keyctl, [0, 0, 0, 0]) != -c_long::from(libc::EPERM)) * 3
    });
    assert_eq!(
        exit_code(status),
        0,
        "the number of the first call that was answered otherwise"
    );
}

#[test]
fn other_actions_in_force() {
    let profile = |action: &str| {
        let json = format!(
            r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{{"name": "getppid", "action": "{action}"}}]}}"#
        );
        Profile::from_json(json.as_bytes()).unwrap()
    };
    for action in ["SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"] {
        let Some(program) = compiled(&profile(action), &[]) else {
            return;
        };
        let status = under(&program, || c_int::from(call(libc::SYS_getppid, [0; 4]) < 0));
        assert!(
            libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGSYS,
            "{action}: {status:#x}"
        );
    }
    // Nobody traces: ENOSYS.
    let Some(program) = compiled(&profile("SCMP_ACT_TRACE"), &[]) else {
        return;
    };
    let status = under(&program, || -call(libc::SYS_getppid, [0; 4]) as c_int);
    assert_eq!(exit_code(status), libc::ENOSYS);
}
