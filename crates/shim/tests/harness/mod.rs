//! A daemon's part of the conversation, for tests: starts the real program on a container of busybox and talks to it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses its own share, and a test may panic"
)]

use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio as ProcessStdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use corten_shim_api::{
    Event, ExecRequest, ExitRecord, Frame, FrameKind, Launch, LogFormat, LogTarget, NetworkMode, OverlayRoot,
    PROTOCOL_VERSION, Request, Response, RootMount, RuntimeFailure, SOCKET_NAME, Stdio, read_frame,
    write_frame,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longest any test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);

const APPLETS: &[&str] = &[
    "sh", "echo", "cat", "ls", "sleep", "id", "true", "false", "mount", "ps", "kill", "stat", "env", "tty",
    "stty", "hostname", "touch", "grep", "readlink", "head", "dd", "seq", "wc", "mkdir", "ip", "chmod",
    "test", "nc", "awk",
];

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A container and the shim that runs it.
pub struct Container {
    pub id: String,
    pub directory: TempDir,
    pub spec: Value,
    pub launch: Launch,
    control: Option<UnixStream>,
    shim: Option<Child>,
    pub pid: u32,
}

/// Everything an attached client received.
#[derive(Debug, Default)]
pub struct Received {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub exit: Option<ExitRecord>,
}

impl Received {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

impl Container {
    /// A container that would run `arguments` if it were started.
    pub fn new(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let id = format!(
            "corten-shim-test-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = directory.path().to_owned();
        make_rootfs(&path.join("lower"));
        for name in ["upper", "work", "root", "run", "bundle"] {
            fs::create_dir(path.join(name)).unwrap();
        }
        let launch = Launch {
            version: PROTOCOL_VERSION,
            id: id.clone(),
            bundle: path.join("bundle"),
            run_dir: path.join("run"),
            root: RootMount::Overlay(OverlayRoot {
                base: path.clone(),
                lower: vec!["lower".into()],
                upper: "upper".into(),
                work: "work".into(),
                volatile: false,
            }),
            seccomp: None,
            network: NetworkMode::Isolated,
            stdio: Stdio::default(),
            log: Some(LogTarget {
                path: path.join("log"),
                max_size: None,
                max_files: 1,
                attributes: vec![],
                format: LogFormat::JsonFile,
                compress: false,
                buffer: None,
            }),
            init: None,
            groups: vec![],
        };
        let spec = spec(&path.join("root"), arguments, &format!("/{id}"));
        Self {
            id,
            directory,
            spec,
            launch,
            control: None,
            shim: None,
            pid: 0,
        }
    }

    /// A container that runs a shell script.
    pub fn script(script: &str) -> Self {
        Self::new(&["sh", "-c", script])
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Changes something of the specification before the start.
    pub fn with(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.spec);
        self
    }

    /// Changes something of the order before the start.
    pub fn ordered(mut self, change: impl FnOnce(&mut Launch)) -> Self {
        change(&mut self.launch);
        self
    }

    /// Starts the shim and gives it its order: the answer.
    pub fn create(&mut self) -> Response {
        let text = serde_json::to_vec(&self.spec).unwrap();
        fs::write(self.launch.bundle.join("config.json"), text).unwrap();
        let (own, theirs) = UnixStream::pair().unwrap();
        own.set_read_timeout(Some(PATIENCE)).unwrap();
        // The shell moves standard input to the descriptor the shim expects.
        let shim = Command::new("/bin/sh")
            .args([
                "-c",
                "exec \"$0\" \"$1\" 3<&0 </dev/null",
                env!("CARGO_BIN_EXE_corten-shim"),
                &self.id,
            ])
            .stdin(ProcessStdio::from(OwnedFd::from(theirs)))
            .spawn()
            .unwrap();
        self.shim = Some(shim);
        self.control = Some(own);
        let launch = Request::Launch(Box::new(self.launch.clone()));
        let response = ask(self.control(), &launch);
        if let Response::Created { pid } = response {
            self.pid = pid;
        }
        response
    }

    /// Lets the init go on: the answer.
    pub fn proceed(&mut self) -> Response {
        ask(
            self.control(),
            &Request::Proceed {
                netns: None,
                resolver: None,
            },
        )
    }

    /// Creates and starts, which must succeed.
    pub fn start(&mut self) -> &mut Self {
        let created = self.create();
        assert!(matches!(created, Response::Created { .. }), "{created:?}");
        let started = self.proceed();
        assert_eq!(started, Response::Started { pid: self.pid });
        self
    }

    /// Creates and starts, which must fail.
    pub fn fail(&mut self) -> RuntimeFailure {
        let failed = match self.create() {
            Response::Created { .. } => self.proceed(),
            response => response,
        };
        match failed {
            Response::Failed(failure) => failure,
            other => panic!("{other:?}"),
        }
    }

    /// Starts, attaches to the output before that, and waits for the end.
    pub fn run(&mut self) -> Received {
        let created = self.create();
        assert!(matches!(created, Response::Created { .. }), "{created:?}");
        let mut client = self.attach(false);
        let started = self.proceed();
        assert!(matches!(started, Response::Started { .. }), "{started:?}");
        let received = receive_all(&mut client);
        self.wait();
        received
    }

    pub fn control(&mut self) -> &mut UnixStream {
        self.control.as_mut().unwrap()
    }

    /// Closes the control connection, as a dying daemon does.
    pub fn hang_up(&mut self) {
        self.control = None;
    }

    pub fn shim_pid(&self) -> u32 {
        self.shim.as_ref().unwrap().id()
    }

    /// A new connection to the shim's socket.
    pub fn connect(&self) -> UnixStream {
        let socket = UnixStream::connect(self.launch.run_dir.join(SOCKET_NAME)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    /// A connection attached to the container's output, and input if wanted.
    pub fn attach(&self, stdin: bool) -> UnixStream {
        let mut client = self.connect();
        let answer = ask(
            &mut client,
            &Request::Attach {
                stdin,
                stdout: true,
                stderr: true,
            },
        );
        assert_eq!(answer, Response::Ok);
        client
    }

    /// One request on a connection of its own.
    pub fn ask(&self, request: &Request) -> Response {
        ask(&mut self.connect(), request)
    }

    /// The order for an exec of `arguments`.
    pub fn exec_request(&self, arguments: &[&str]) -> ExecRequest {
        let mut process = self.spec["process"].clone();
        process["args"] = json!(arguments);
        process["terminal"] = json!(false);
        ExecRequest {
            id: format!("exec-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
            process: serde_json::from_value(process).unwrap(),
            seccomp: self.launch.seccomp.clone(),
            attach: true,
            stdin: false,
            size: (0, 0),
            groups: vec![],
        }
    }

    /// Runs something inside and returns what came of it.
    pub fn exec(&self, arguments: &[&str]) -> Received {
        self.exec_with(self.exec_request(arguments))
    }

    /// Runs an exec to its end.
    pub fn exec_with(&self, request: ExecRequest) -> Received {
        let mut client = self.connect();
        let answer = ask(&mut client, &Request::Exec(Box::new(request)));
        assert!(matches!(answer, Response::Started { .. }), "{answer:?}");
        receive_all(&mut client)
    }

    /// Reads events from the control connection up to the last one, and waits for the shim's end.
    pub fn wait(&mut self) -> ExitRecord {
        let exit = loop {
            match self.event() {
                Some(Event::Exited(record)) => break record,
                Some(_) => {}
                None => panic!("the shim ended without a word"),
            }
        };
        let status = self.shim_status();
        assert_eq!(status, Some(0));
        exit
    }

    /// The next event on the control connection.
    pub fn event(&mut self) -> Option<Event> {
        let frame = read_frame(self.control()).unwrap()?;
        assert_eq!(frame.kind, FrameKind::Event);
        Some(frame.json().unwrap())
    }

    /// Waits for the shim's end: its exit code.
    pub fn shim_status(&mut self) -> Option<i32> {
        let mut shim = self.shim.take().unwrap();
        let mut status = None;
        wait_until("the shim ends", || {
            status = shim.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code()
    }

    /// Kills the container, if it still runs, and waits for the end.
    pub fn kill(&mut self) -> ExitRecord {
        self.ask(&Request::Signal {
            exec: None,
            signal: 9,
            group: false,
        });
        self.wait()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// The texts of the log's entries of one stream, joined.
    pub fn logged(&self, stream: &str) -> String {
        let entries = self.log();
        let entries = entries
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        entries
            .filter(|e| e["stream"] == stream)
            .map(|e| e["log"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Directories of the container's cgroups that exist.
    pub fn cgroups(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let hierarchies = fs::read_dir("/sys/fs/cgroup")
            .unwrap()
            .flatten()
            .map(|entry| entry.path());
        for hierarchy in hierarchies.chain([PathBuf::from("/sys/fs/cgroup")]) {
            let path = hierarchy.join(&self.id);
            if path.exists() {
                found.push(path);
            }
        }
        found
    }

    /// Nothing of the container is left: no process, cgroup, mount or socket.
    pub fn assert_gone(&self) {
        if self.pid != 0 {
            wait_until("the init is gone", || {
                !Path::new(&format!("/proc/{}", self.pid)).exists()
            });
        }
        assert_eq!(self.cgroups(), Vec::<PathBuf>::new());
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(
            !mounts.contains(self.directory.path().to_str().unwrap()),
            "{mounts}"
        );
        assert!(!self.launch.run_dir.join(SOCKET_NAME).exists());
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Some(shim) = &mut self.shim {
            let _ended = shim.kill();
            let _reaped = shim.wait();
            if self.pid != 0 {
                let gone = || !Path::new(&format!("/proc/{}", self.pid)).exists();
                let until = Instant::now() + Duration::from_secs(5);
                while !gone() && Instant::now() < until {
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
            for cgroup in self.cgroups() {
                let _busy = fs::remove_dir(cgroup);
            }
        }
    }
}

/// Sends a request and reads the answer.
pub fn ask(socket: &mut UnixStream, request: &Request) -> Response {
    let text = serde_json::to_vec(request).unwrap();
    write_frame(socket, FrameKind::Request, &text).unwrap();
    answer(socket)
}

/// Reads an answer.
pub fn answer(socket: &mut UnixStream) -> Response {
    let frame = read_frame(socket).unwrap().expect("an answer");
    assert_eq!(frame.kind, FrameKind::Response, "{frame:?}");
    frame.json().unwrap()
}

/// Sends input to an attached process.
pub fn send(socket: &mut UnixStream, bytes: &[u8]) {
    write_frame(socket, FrameKind::Stdin, bytes).unwrap();
}

/// Ends the input of an attached process.
pub fn send_eof(socket: &mut UnixStream) {
    write_frame(socket, FrameKind::StdinEof, b"").unwrap();
}

/// Reads what an attached client gets until its process has ended.
pub fn receive_all(socket: &mut UnixStream) -> Received {
    let mut received = Received::default();
    while receive(socket, &mut received) {}
    assert!(received.exit.is_some(), "the connection ended before the process");
    received
}

/// Reads what an attached client gets until standard output holds `text`.
pub fn receive_until(socket: &mut UnixStream, text: &str) -> Received {
    let mut received = Received::default();
    while !received.text().contains(text) {
        assert!(
            receive(socket, &mut received),
            "ended without {text:?}: {received:?}"
        );
    }
    received
}

fn receive(socket: &mut UnixStream, received: &mut Received) -> bool {
    let Some(Frame { kind, payload }) = read_frame(socket).unwrap() else {
        return false;
    };
    match kind {
        FrameKind::Stdout => received.stdout.extend(payload),
        FrameKind::Stderr => received.stderr.extend(payload),
        FrameKind::Exit => {
            received.exit = Some(serde_json::from_slice(&payload).unwrap());
            let mut rest = Vec::new();
            socket.read_to_end(&mut rest).unwrap();
            assert!(rest.is_empty());
            return false;
        }
        other => panic!("{other:?}"),
    }
    true
}

/// Waits for a condition.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < until, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn make_rootfs(root: &Path) {
    for name in ["bin", "etc", "proc", "sys", "dev", "tmp", "home/web", "usr/bin"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    // By another process: were it open for writing here, so it would be in every process just being started on another thread,
    // and nobody could execute it until that has executed its own program.
    let copied = Command::new("cp")
        .arg("/bin/busybox")
        .arg(root.join("bin/busybox"))
        .status();
    assert!(copied.unwrap().success());
    for applet in APPLETS {
        symlink("busybox", root.join("bin").join(applet)).unwrap();
    }
    fs::write(
        root.join("etc/passwd"),
        "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001:w:/home/web:/bin/sh\n",
    )
    .unwrap();
    fs::write(root.join("etc/group"), "root:x:0:\nweb:x:1001:\naudio:x:29:web\n").unwrap();
}

/// Docker's default specification.
fn spec(root: &Path, arguments: &[&str], cgroup: &str) -> Value {
    let capabilities = [
        "CHOWN",
        "DAC_OVERRIDE",
        "FSETID",
        "FOWNER",
        "MKNOD",
        "NET_RAW",
        "SETGID",
        "SETUID",
        "SETFCAP",
        "SETPCAP",
        "NET_BIND_SERVICE",
        "SYS_CHROOT",
        "KILL",
        "AUDIT_WRITE",
    ];
    let capabilities: Vec<String> = capabilities.iter().map(|name| format!("CAP_{name}")).collect();
    let char_device = |major: i64, minor: Option<i64>| {
        let mut rule = json!({"allow": true, "type": "c", "major": major, "access": "rwm"});
        if let Some(minor) = minor {
            rule["minor"] = json!(minor);
        }
        rule
    };
    json!({
        "ociVersion": "1.0.2",
        "root": {"path": root, "readonly": false},
        "hostname": "testhost",
        "process": {
            "terminal": false,
            "user": {"uid": 0, "gid": 0},
            "args": arguments,
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "cwd": "/",
            "capabilities": {"bounding": capabilities, "permitted": capabilities, "effective": capabilities},
            "noNewPrivileges": false,
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs",
             "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
             "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
             "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
             "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"]},
        ],
        "linux": {
            "cgroupsPath": cgroup,
            "rootfsPropagation": "rprivate",
            "namespaces": [
                {"type": "mount"}, {"type": "network"}, {"type": "pid"}, {"type": "ipc"}, {"type": "uts"},
                {"type": "cgroup"},
            ],
            "resources": {"devices": [
                {"allow": false, "access": "rwm"},
                {"allow": true, "type": "c", "access": "m"}, {"allow": true, "type": "b", "access": "m"},
                char_device(1, Some(3)), char_device(1, Some(5)), char_device(1, Some(7)), char_device(1, Some(8)),
                char_device(1, Some(9)), char_device(5, Some(0)), char_device(5, Some(1)), char_device(5, Some(2)),
                char_device(136, None),
            ]},
            "maskedPaths": [
                "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
                "/sys/devices/virtual/powercap",
            ],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    })
}
