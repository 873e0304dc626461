//! What a start costs, from spawning the shim to its end. Not a test of anything: run it with
//! `CORTEN_SHIM=…/release/corten-shim cargo test -p corten-shim --test timing -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use corten_shim_api::{Event, FrameKind, Request, Response, read_frame, sealed_copy};
use harness::{Container, ask, receive_all};

const ROUNDS: usize = 100;

fn program() -> PathBuf {
    std::env::var_os("CORTEN_SHIM").map_or_else(|| env!("CARGO_BIN_EXE_corten-shim").into(), PathBuf::from)
}

fn sealed(program: &PathBuf) -> OwnedFd {
    let file = sealed_copy(File::open(program).unwrap()).unwrap();
    // Not where the control connection goes.
    rustix::io::fcntl_dupfd_cloexec(&file, 10).unwrap()
}

/// Spawns as the daemon does.
fn spawn(image: &OwnedFd, id: &str) -> (libc::pid_t, UnixStream) {
    let (own, theirs) = UnixStream::pair().unwrap();
    let path = std::ffi::CString::new(format!("/proc/self/fd/{}", image.as_raw_fd())).unwrap();
    let id = std::ffi::CString::new(id).unwrap();
    let arguments = [
        c"corten-shim".as_ptr().cast_mut(),
        id.as_ptr().cast_mut(),
        std::ptr::null_mut(),
    ];
    let environment = [std::ptr::null_mut()];
    let mut pid = 0;
    // SAFETY: all structures are initialised before use, and everything outlives the call.
    unsafe {
        let mut actions = std::mem::zeroed();
        libc::posix_spawn_file_actions_init(&raw mut actions);
        libc::posix_spawn_file_actions_adddup2(&raw mut actions, theirs.as_raw_fd(), 3);
        let result = libc::posix_spawn(
            &raw mut pid,
            path.as_ptr(),
            &raw const actions,
            std::ptr::null(),
            arguments.as_ptr(),
            environment.as_ptr(),
        );
        libc::posix_spawn_file_actions_destroy(&raw mut actions);
        assert_eq!(result, 0);
    }
    (pid, own)
}

fn median(mut times: Vec<Duration>) -> String {
    times.sort();
    format!(
        "{:6.0} µs (best {:6.0})",
        times[times.len() / 2].as_secs_f64() * 1e6,
        times[0].as_secs_f64() * 1e6
    )
}

#[test]
#[ignore = "measures instead of testing"]
fn starts() {
    let image = sealed(&program());
    let names = [
        "spawn → created",
        "created → proceed → started",
        "started → exited",
        "spawn → exited",
    ];
    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..ROUNDS {
        let mut container = Container::new(&["true"]);
        fs::write(
            container.path("bundle/config.json"),
            serde_json::to_vec(&container.spec).unwrap(),
        )
        .unwrap();
        let launch = Request::Launch(Box::new(container.launch.clone()));
        let start = Instant::now();
        let (pid, mut control) = spawn(&image, &container.id);
        let Response::Created { pid: init } = ask(&mut control, &launch) else {
            panic!()
        };
        container.pid = init;
        let created = Instant::now();
        assert!(matches!(
            ask(
                &mut control,
                &Request::Proceed {
                    netns: None,
                    resolver: None
                }
            ),
            Response::Started { .. }
        ));
        let started = Instant::now();
        let frame = read_frame(&mut control).unwrap().unwrap();
        assert_eq!(frame.kind, FrameKind::Event);
        assert!(matches!(frame.json().unwrap(), Event::Exited(_)));
        let exited = Instant::now();
        // SAFETY: waits for the child spawned above.
        unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
        for (times, time) in times.iter_mut().zip([
            created - start,
            started - created,
            exited - started,
            exited - start,
        ]) {
            times.push(time);
        }
    }
    for (name, times) in names.into_iter().zip(times) {
        println!("{name:30} {}", median(times));
    }
}

#[test]
#[ignore = "measures instead of testing"]
fn execs_and_memory() {
    let image = sealed(&program());
    // Several, since they share the pages of the program.
    let mut others: Vec<_> = (0..3).map(|_| idle(&image)).collect();
    let (container, pid, control) = idle(&image);
    let memory = || {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
        let fields = text.lines().filter(|l| {
            l.starts_with("Rss")
                || l.starts_with("Pss")
                || l.starts_with("Anonymous")
                || l.starts_with("Private")
        });
        fields
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
            .join(", ")
    };
    println!("idle: {}", memory());
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let request = Request::Exec(Box::new(container.exec_request(&["true"])));
        let mut client = container.connect();
        let start = Instant::now();
        assert!(matches!(ask(&mut client, &request), Response::Started { .. }));
        starts.push(start.elapsed());
        receive_all(&mut client);
        ends.push(start.elapsed());
    }
    println!("{:30} {}", "exec → started", median(starts));
    println!("{:30} {}", "exec → exited", median(ends));
    println!("after {ROUNDS} execs: {}", memory());
    others.push((container, pid, control));
    for (container, pid, _control) in others {
        container.ask(&Request::Signal {
            exec: None,
            signal: 9,
            group: false,
        });
        // SAFETY: waits for a child spawned by `idle`.
        unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    }
}

fn idle(image: &OwnedFd) -> (Container, libc::pid_t, UnixStream) {
    let mut container = Container::new(&["sleep", "1000"]);
    let spec = serde_json::to_vec(&container.spec).unwrap();
    fs::write(container.path("bundle/config.json"), spec).unwrap();
    let launch = Request::Launch(Box::new(container.launch.clone()));
    let (pid, mut control) = spawn(image, &container.id);
    let Response::Created { pid: init } = ask(&mut control, &launch) else {
        panic!()
    };
    container.pid = init;
    let started = ask(
        &mut control,
        &Request::Proceed {
            netns: None,
            resolver: None,
        },
    );
    assert!(matches!(started, Response::Started { .. }));
    (container, pid, control)
}
