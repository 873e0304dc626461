//! Containers that cannot be made: the right words, and no trace.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use corten_shim_api::{ErrorStage, NetworkMode, Response, RootMount, RuntimeFailure};
use harness::Container;
use serde_json::{Value, json};

fn fail(mut container: Container) -> (ErrorStage, String) {
    let RuntimeFailure { stage, message, .. } = container.fail();
    assert_eq!(container.shim_status(), Some(1));
    container.assert_gone();
    assert!(!container.path("run/exit.json").exists());
    (stage, message)
}

#[test]
fn programs_that_cannot_be_run() {
    let words = |program: &str| fail(Container::new(&[program]));
    assert_eq!(
        words("nosuch"),
        (
            ErrorStage::Exec,
            r#"exec: "nosuch": executable file not found in $PATH"#.into()
        )
    );
    assert_eq!(
        words("/etc/passwd"),
        (
            ErrorStage::Exec,
            r#"exec: "/etc/passwd": permission denied"#.into()
        )
    );
    assert_eq!(
        words("./x"),
        (
            ErrorStage::Exec,
            r#"exec: "./x": stat ./x: no such file or directory"#.into()
        )
    );
    assert_eq!(
        words("/"),
        (ErrorStage::Exec, r#"exec: "/": is a directory"#.into())
    );
}

#[test]
fn a_file_that_is_no_program() {
    let container = Container::new(&["/home/data"]);
    let path = container.path("lower/home/data");
    // Written by another process: see `make_rootfs`.
    let script = format!("echo no program >{0} && chmod 755 {0}", path.display());
    let written = std::process::Command::new("sh").args(["-c", &script]).status();
    assert!(written.unwrap().success());
    assert_eq!(
        fail(container),
        (ErrorStage::Exec, "exec /home/data: exec format error".into())
    );
}

#[test]
fn a_disk_without_room_for_overlays_work_directory() {
    // The kernel would mount the root read-only and say nothing.
    let container = Container::new(&["true"]).ordered(|launch| {
        let RootMount::Overlay(root) = &mut launch.root else {
            panic!("no overlay")
        };
        (root.upper, root.work) = ("small/upper".to_owned(), "small/work".to_owned());
    });
    let small = container.path("small");
    std::fs::create_dir(&small).unwrap();
    let inodes = Some(c"nr_inodes=3");
    rustix::mount::mount(
        "tmpfs",
        &small,
        "tmpfs",
        rustix::mount::MountFlags::empty(),
        inodes,
    )
    .unwrap();
    for name in ["upper", "work"] {
        std::fs::create_dir(small.join(name)).unwrap();
    }
    let root = container.path("root");
    let mut container = container;
    let RuntimeFailure { stage, message, .. } = container.fail();
    rustix::mount::unmount(&small, rustix::mount::UnmountFlags::empty()).unwrap();
    container.assert_gone();
    assert_eq!(
        (stage, message),
        (
            ErrorStage::Mount,
            format!(
                "error during container init: error preparing rootfs: mount {}: no space left on device",
                root.display()
            )
        )
    );
}

#[test]
fn users_that_do_not_exist() {
    let user = |name: &str| {
        fail(Container::new(&["true"]).with(|spec| spec["process"]["user"]["username"] = json!(name)))
    };
    assert_eq!(
        user("nosuch"),
        (
            ErrorStage::User,
            "unable to find user nosuch: no matching entries in passwd file".into()
        )
    );
    assert_eq!(
        user("web:x").1,
        "unable to find group x: no matching entries in group file"
    );
}

#[test]
fn a_working_directory_that_is_a_file() {
    let (stage, message) =
        fail(Container::new(&["true"]).with(|spec| spec["process"]["cwd"] = json!("/etc/passwd")));
    assert_eq!(stage, ErrorStage::WorkingDirectory);
    assert!(message.ends_with("not a directory"), "{message}");
}

fn bind(source: &str, destination: &str) -> Value {
    json!({"destination": destination, "type": "bind", "source": source, "options": ["rbind", "rprivate"]})
}

fn with_mount(mount: Value) -> Container {
    Container::new(&["true"]).with(|spec| spec["mounts"].as_array_mut().unwrap().push(mount))
}

#[test]
fn mounts_that_cannot_be_made() {
    let (stage, message) = fail(with_mount(bind("/nosuch", "/mnt")));
    assert_eq!(stage, ErrorStage::Mount);
    assert_eq!(
        message,
        "error during container init: error mounting \"/nosuch\" to rootfs at \"/mnt\": \
         mount src=/nosuch, dst=/mnt: no such file or directory"
    );
    let (_, message) = fail(with_mount(bind("/etc", "/etc/passwd")));
    assert!(
        message.contains("not a directory: Are you trying to mount a directory onto a file"),
        "{message}"
    );
    let (_, message) = fail(with_mount(bind("/etc/passwd", "/etc")));
    assert!(
        message.contains("not a directory: Are you trying to mount a directory onto a file"),
        "{message}"
    );
}

#[test]
fn proc_cannot_be_covered() {
    for destination in ["/proc", "/proc/1/attr", "/tmp/../proc/sys"] {
        let (_, message) = fail(with_mount(bind("/tmp", destination)));
        assert!(
            message.ends_with("cannot be mounted because it is inside /proc"),
            "{message}"
        );
    }
    let container = with_mount(bind("/tmp", "/home/link/self"));
    std::os::unix::fs::symlink("/proc", container.path("lower/home/link")).unwrap();
    let (_, message) = fail(container);
    assert!(message.contains("inside /proc"), "{message}");
}

#[test]
fn limits_that_cannot_be_had() {
    let (stage, message) = fail(Container::new(&["true"]).with(|spec| {
        spec["linux"]["resources"]["cpu"] = json!({"cpus": "4000"});
    }));
    assert_eq!(stage, ErrorStage::Cgroup);
    assert!(
        message.starts_with("unable to apply cgroup configuration: "),
        "{message}"
    );
    let (stage, message) = fail(Container::new(&["true"]).with(|spec| {
        spec["linux"]["sysctl"] = json!({"kernel.panic": "1"});
    }));
    assert_eq!(stage, ErrorStage::Spec);
    assert_eq!(
        message,
        "sysctl \"kernel.panic\" is not in a separate kernel namespace"
    );
}

#[test]
fn what_is_not_supported_is_said() {
    let refused = |change: fn(&mut Value)| fail(Container::new(&["true"]).with(change)).1;
    assert_eq!(
        refused(|spec| spec["hooks"] = json!({})),
        "hooks is not supported"
    );
    assert_eq!(
        refused(|spec| spec["linux"]["namespaces"]
            .as_array_mut()
            .unwrap()
            .push(json!({"type": "user"}))),
        "user namespaces are not supported"
    );
}

#[test]
fn a_network_that_was_not_prepared() {
    let mut container = Container::new(&["true"]).ordered(|launch| launch.network = NetworkMode::Prepared);
    assert!(matches!(container.create(), Response::Created { .. }));
    let Response::Failed(failed) = container.proceed() else {
        panic!()
    };
    assert_eq!(failed.message, "no network namespace was prepared");
    assert_eq!(container.shim_status(), Some(1));
    container.assert_gone();
}

#[test]
fn a_missing_specification() {
    let mut container = Container::new(&["true"]);
    container.spec = json!("no specification");
    let failed = container.fail();
    assert_eq!(failed.stage, ErrorStage::Spec);
    assert!(
        failed
            .message
            .starts_with(container.path("bundle/config.json").to_str().unwrap())
    );
}
