//! `make install`: what is laid down works, and `make uninstall` takes it away.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use corten_testkit::{Finished, Slot, binary_dir};

use crate::{SOON, corten_only};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn make(target: &str, destination: &Path) -> Finished {
    let mut make = Command::new("make");
    make.arg("-C").arg(repository()).arg(target);
    make.arg(format!("DESTDIR={}", destination.display()));
    make.arg(format!("RELEASE={}", binary_dir().display()));
    corten_testkit::run(&mut make, SOON)
}

fn files_below(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files_below(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn everything_is_laid_down_and_taken_away() {
    corten_only!();
    let scratch = tempfile::tempdir().unwrap();
    make("install", scratch.path()).ok();
    let at = |name: &str| scratch.path().join(name);
    for program in [
        "usr/local/bin/corten",
        "usr/local/libexec/corten/corten-shim",
        "etc/init.d/docker",
    ] {
        let mode = at(program).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755, "{program}");
    }
    for (link, target) in [
        ("usr/local/bin/docker", "corten"),
        ("usr/local/bin/dockerd", "corten"),
        ("usr/local/lib/systemd/system/docker.service", "corten.service"),
        ("usr/local/lib/systemd/system/docker.socket", "corten.socket"),
    ] {
        assert_eq!(at(link).read_link().unwrap(), Path::new(target));
    }
    for (shell, names) in [
        ("bash-completion/completions", ["corten", "docker"]),
        ("zsh/site-functions", ["_corten", "_docker"]),
        ("fish/vendor_completions.d", ["corten.fish", "docker.fish"]),
    ] {
        for name in names {
            let script = std::fs::read_to_string(at(&format!("usr/local/share/{shell}/{name}"))).unwrap();
            assert!(
                script.contains(name.trim_matches(['_']).trim_end_matches(".fish")),
                "{script}"
            );
        }
    }
    let manual = std::fs::read_to_string(at("usr/local/share/man/man1/corten-run.1")).unwrap();
    assert!(manual.contains("corten"), "{manual}");
    for daemon in ["corten-daemon", "dockerd"] {
        let page = at(&format!("usr/local/share/man/man8/{daemon}.8"));
        let page = std::fs::read_to_string(page).unwrap();
        assert!(page.contains("live\\-restore"), "{page}");
    }
    let run =
        |program: &str, args: &[&str]| corten_testkit::run(Command::new(at(program)).args(args), SOON).ok();
    assert!(run("usr/local/bin/docker", &["--version"]).starts_with("Docker version "));
    assert!(run("usr/local/bin/dockerd", &["--help"]).contains("--live-restore"));
    // Twice is as good as once.
    make("install", scratch.path()).ok();
    make("uninstall", scratch.path()).ok();
    assert_eq!(files_below(scratch.path()), [] as [PathBuf; 0]);
}

#[test]
fn what_belongs_to_others_stays() {
    corten_only!();
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    std::fs::create_dir_all(at("usr/local/bin")).unwrap();
    std::fs::create_dir_all(at("etc/init.d")).unwrap();
    std::fs::write(at("usr/local/bin/docker"), "theirs").unwrap();
    std::fs::write(at("etc/init.d/docker"), "theirs").unwrap();
    let finished = make("install", scratch.path());
    finished.ok();
    finished.says(&["is a program of its own and stays"]);
    assert!(at("etc/init.d/corten").exists());
    make("uninstall", scratch.path()).ok();
    let mut left = files_below(scratch.path());
    left.sort();
    assert_eq!(left, [at("etc/init.d/docker"), at("usr/local/bin/docker")]);
}

#[test]
fn systemd_understands_the_units() {
    corten_only!();
    let scratch = tempfile::tempdir().unwrap();
    make("install", scratch.path()).ok();
    let units = scratch.path().join("usr/local/lib/systemd/system");
    // The program the unit names need not be installed on this machine for the unit to be sound.
    let service = units.join("corten.service");
    let text = std::fs::read_to_string(&service).unwrap();
    let program = scratch.path().join("usr/local/bin/dockerd");
    std::fs::write(
        &service,
        text.replace("/usr/local/bin/dockerd", &program.display().to_string()),
    )
    .unwrap();
    let mut verify = Command::new("systemd-analyze");
    verify
        .args(["verify", "--man=no"])
        .arg(&service)
        .arg(units.join("corten.socket"));
    let verified = corten_testkit::run(&mut verify, SOON);
    verified.ok();
    assert!(!verified.err().contains("corten."), "{verified}");
    // A root without update-rc.d cannot enable the script that has the same name.
    std::fs::remove_file(scratch.path().join("etc/init.d/docker")).unwrap();
    // Both names can be enabled, as often as one likes.
    for name in ["docker", "corten", "docker"] {
        let mut enable = Command::new("systemctl");
        enable
            .arg(format!("--root={}", scratch.path().display()))
            .args(["enable", name]);
        corten_testkit::run(&mut enable, SOON).ok();
    }
    let wanted = scratch.path().join("etc/systemd/system/multi-user.target.wants");
    assert_eq!(std::fs::read_dir(wanted).unwrap().count(), 1);
}

#[test]
fn the_init_script_starts_and_stops_a_daemon() {
    corten_only!();
    let scratch = tempfile::tempdir().unwrap();
    make("install", scratch.path()).ok();
    let slot = Slot::take();
    let defaults = scratch.path().join("etc/default");
    std::fs::create_dir_all(&defaults).unwrap();
    let options = format!("DOCKER_OPTS='--cgroup-parent {}'\n", slot.cgroup_parent());
    std::fs::write(defaults.join("docker"), options).unwrap();
    // A machine of its own as far as it matters: mounts, network, processes.
    let script = r#"set -eu
        mount --make-rprivate /
        mount --bind "$1/usr/local" /usr/local
        mount --bind "$1/etc/default" /etc/default
        for dir in /run /var/log; do mount -t tmpfs none $dir; done
        mkdir -p /var/lib/corten && mount -t tmpfs none /var/lib/corten
        ip link set lo up
        init="$1/etc/init.d/docker"
        rc=0; "$init" status || rc=$?; echo "status $rc"
        "$init" start
        "$init" start
        "$init" status
        docker run --rm hello-world | grep -q 'Hello' && echo greeted
        "$init" reload
        "$init" restart
        docker ps -q
        "$init" stop
        "$init" stop
        rc=0; "$init" status || rc=$?; echo "status $rc"
        rc=0; "$init" frob 2>/dev/null || rc=$?; echo "frob $rc"
    "#;
    let mut unshare = Command::new("unshare");
    unshare.args([
        "--mount",
        "--net",
        "--pid",
        "--fork",
        "--mount-proc",
        "sh",
        "-c",
        script,
        "sh",
    ]);
    unshare
        .arg(scratch.path())
        .env("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    unshare.env_remove("DOCKER_HOST");
    let said = corten_testkit::run(&mut unshare, SOON * 4).ok();
    slot.residue().remove();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[..3],
        ["Corten is not running.", "status 3", "Corten started."],
        "{said}"
    );
    for part in [
        "Corten runs already (PID ",
        "Corten is running (PID ",
        "greeted",
        "Corten stopped.",
        "Corten does not run.\nCorten is not running.\nstatus 3\nfrob 2",
    ] {
        assert!(said.contains(part), "{part:?} in {said}");
    }
}
