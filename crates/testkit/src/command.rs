//! Running programs with a deadline, so that a hang is a failure and not a hung test run.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal};

use crate::wait;

/// How a program ended and all it said.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The command line, for messages.
    pub line: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Everything on standard output.
    pub stdout: Vec<u8>,
    /// Everything on standard error.
    pub stderr: Vec<u8>,
    /// How long it ran.
    pub took: Duration,
}

impl Finished {
    /// Exit code; 128 + signal for a program a signal ended.
    pub fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0))
    }

    /// Standard output as text.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Demands success; gives standard output without the white space around it.
    #[track_caller]
    pub fn ok(&self) -> String {
        self.fails(0)
    }

    /// Demands this exit code; gives standard output without the white space around it.
    #[track_caller]
    pub fn fails(&self, code: i32) -> String {
        assert_eq!(self.code(), code, "exit code of {self:#}");
        self.out().trim().to_owned()
    }

    /// Demands that standard error holds one of these sentences.
    #[track_caller]
    pub fn says(&self, sentences: &[&str]) -> &Self {
        let said = self.err();
        assert!(
            sentences.iter().any(|wanted| said.contains(wanted)),
            "none of {sentences:#?} in {self:#}"
        );
        self
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (code, stdout, stderr) = (self.code(), self.out(), self.err());
        write!(out, "`{}` (code {code}, {:?})", self.line, self.took)?;
        out.write_char('\n')?;
        write!(out, "--- stdout\n{stdout}\n--- stderr\n{stderr}\n---")
    }
}

/// A program that was started and is still to be waited for. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    line: String,
    child: Child,
    begin: Instant,
    stdin: Option<ChildStdin>,
    stdout: Reader,
    stderr: Reader,
    reaped: bool,
}

impl Running {
    /// The program's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes to the program's standard input.
    #[track_caller]
    pub fn write(&mut self, bytes: &[u8]) {
        let stdin = self
            .stdin
            .as_mut()
            .unwrap_or_else(|| panic!("the input of {} is closed", self.line));
        if let Err(error) = stdin.write_all(bytes).and_then(|()| stdin.flush()) {
            panic!("cannot write to {}: {error}", self.line);
        }
    }

    /// Ends the program's standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// What has come on standard output so far.
    pub fn out(&self) -> String {
        self.stdout.so_far()
    }

    /// What has come on standard error so far.
    pub fn err(&self) -> String {
        self.stderr.so_far()
    }

    /// Waits until standard output holds `text`.
    #[track_caller]
    pub fn expect_out(&self, text: &str, deadline: Duration) {
        if wait::eventually(deadline, || self.out().contains(text).then_some(())).is_none() {
            panic!(
                "after {deadline:?} no {text:?} from {}: {:?} {:?}",
                self.line,
                self.out(),
                self.err()
            );
        }
    }

    /// Sends the program a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        if let Err(error) = rustix::process::kill_process(pid(&self.child), signal) {
            panic!("cannot signal {}: {error}", self.line);
        }
    }

    /// Whether the program has ended.
    pub fn ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Closes the input and waits for the end, which must come before the deadline.
    #[track_caller]
    pub fn finish(mut self, deadline: Duration) -> Finished {
        self.stdin = None;
        let in_time = wait_for_end(&self.child, deadline);
        if !in_time {
            self.kill_group();
        }
        let status = self
            .child
            .wait()
            .unwrap_or_else(|error| panic!("cannot wait for {}: {error}", self.line));
        self.reaped = true;
        // A grandchild may have inherited the pipes (a daemon does): what is there by now is what was said.
        let grace = Duration::from_secs(2);
        let finished = Finished {
            line: std::mem::take(&mut self.line),
            status,
            stdout: self.stdout.all(grace),
            stderr: self.stderr.all(grace),
            took: self.begin.elapsed(),
        };
        assert!(in_time, "still running after {deadline:?} and killed: {finished}");
        finished
    }

    fn kill_group(&mut self) {
        // Its own group holds nothing but what it started itself; it may have ended by now.
        let _ = rustix::process::kill_process_group(pid(&self.child), Signal::KILL);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill_group();
            let _ = self.child.wait();
        }
    }
}

/// Runs a program with nothing on its input; panics when it cannot be started or is not done before the deadline.
#[track_caller]
pub fn run(command: &mut Command, deadline: Duration) -> Finished {
    start(command).finish(deadline)
}

/// Starts a program with pipes on all three standard streams, in a process group of its own.
#[track_caller]
pub fn start(command: &mut Command) -> Running {
    let line = line(command);
    let begin = Instant::now();
    let spawned = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("cannot run {line}: {error}"));
    Running {
        stdin: child.stdin.take(),
        stdout: Reader::new(child.stdout.take()),
        stderr: Reader::new(child.stderr.take()),
        line,
        child,
        begin,
        reaped: false,
    }
}

fn line(command: &Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    command
        .get_args()
        .fold(program, |line, arg| format!("{line} {}", arg.to_string_lossy()))
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

fn wait_for_end(child: &Child, deadline: Duration) -> bool {
    let Ok(pidfd) = rustix::process::pidfd_open(pid(child), PidfdFlags::empty()) else {
        return true;
    };
    let begin = Instant::now();
    loop {
        let left = deadline.saturating_sub(begin.elapsed());
        let timeout = rustix::event::Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut fds = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
        match rustix::event::poll(&mut fds, Some(&timeout)) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("cannot wait for a process: {error}"),
        }
    }
}

/// Collects what comes out of a pipe, so that the program behind it never blocks on it.
#[derive(Debug)]
struct Reader {
    said: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    fn new(pipe: Option<impl Read + Send + 'static>) -> Self {
        let said = Arc::new(Mutex::new(Vec::new()));
        let thread = pipe.map(|mut pipe| {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                let mut buffer = vec![0; 64 << 10];
                while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                    lock(&said).extend_from_slice(&buffer[..length]);
                }
            })
        });
        Self { said, thread }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&lock(&self.said)).into_owned()
    }

    fn all(&mut self, grace: Duration) -> Vec<u8> {
        if let Some(thread) = self.thread.take()
            && wait::eventually(grace, || thread.is_finished().then_some(())).is_some()
        {
            // The thread only reads and appends; it has nothing to tell.
            let _ = thread.join();
        }
        std::mem::take(&mut lock(&self.said))
    }
}

fn lock(said: &Mutex<Vec<u8>>) -> std::sync::MutexGuard<'_, Vec<u8>> {
    said.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
