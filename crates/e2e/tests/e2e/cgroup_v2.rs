//! The same on another kernel, with pure cgroup v2: Debian's, in a machine of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use corten_testkit::qemu::Machine;
use corten_testkit::{binary, fixtures, run};

use crate::{SOON, own_words_only};

/// Prints one line per check, `name: value`; the machine has a daemon with everything at its default place.
const SCRIPT: &str = r#"
corten daemon > /tmp/daemon.log 2>&1 &
i=0; until [ -S /run/corten/corten.sock ] || [ $i = 300 ]; do sleep 0.1; i=$((i+1)); done
corten load -i /opt/busybox.tar || { cat /tmp/daemon.log; exit 1; }
run() { corten run --rm "$@"; }
BB=test/busybox:1
echo "hello: $(run $BB echo hi)"
echo "cgroup version: $(corten info | grep -i 'cgroup version' | tr -d ' ')"
echo "memory: $(run -m 64m $BB cat /sys/fs/cgroup/memory.max)"
echo "swap: $(run -m 64m $BB cat /sys/fs/cgroup/memory.swap.max)"
echo "cpu: $(run --cpus 0.5 $BB cat /sys/fs/cgroup/cpu.max)"
echo "weight: $(run --cpu-shares 512 $BB cat /sys/fs/cgroup/cpu.weight)"
echo "pids: $(run --pids-limit 32 $BB cat /sys/fs/cgroup/pids.max)"
echo "cgroup: $(run $BB cat /proc/self/cgroup)"
echo "capabilities: $(run $BB grep CapEff /proc/self/status | cut -f2)"
echo "seccomp: $(run $BB grep Seccomp: /proc/self/status | cut -f2)"
echo "devices: $(run $BB sh -c 'ls /dev | tr "\n" " "')"
echo "device: $(run $BB sh -c 'mknod /tmp/l c 10 237; cat < /tmp/l' 2>&1 | grep -o 'Operation not permitted')"
echo "null: $(run $BB sh -c 'mknod /tmp/n c 1 3; cat < /tmp/n && echo open')"
echo "read-only: $(run $BB sh -c 'mkdir /sys/fs/cgroup/x' 2>&1 | grep -o 'Read-only file system')"
corten run --name oom -m 16m --memory-swap 16m $BB dd if=/dev/zero of=/dev/null bs=64M count=1 2> /dev/null
echo "oom: $? $(corten inspect oom | grep OOMKilled | tr -d ' ,')"
corten run -d --name web -p 127.0.0.1:8080:80 $BB sh -c 'mkdir /w; echo page > /w/index.html; exec httpd -f -p 80 -h /w' > /dev/null
i=0; until wget -qO /tmp/page http://127.0.0.1:8080/ 2> /dev/null || [ $i = 50 ]; do sleep 0.1; i=$((i+1)); done
echo "page: $(cat /tmp/page)"
echo "exec: $(corten exec web cat /w/index.html)"
corten update --memory 48m --memory-swap 96m --cpus 0.25 --pids-limit 77 --cpu-shares 512 web > /dev/null
cd /sys/fs/cgroup/docker/$(corten ps -q --no-trunc)
echo "updated: $(cat memory.max memory.swap.max cpu.max pids.max cpu.weight | tr '\n' ' ')"
echo "stats: $(corten stats --no-stream --format '{{.Name}} {{.PIDs}} {{.MemUsage}}' web | sed 's| .*/||')"
echo "top: $(corten top web | grep -c 'httpd -f')"
corten pause web > /dev/null
echo "paused: $(corten ps --format '{{.State}}') $(cat cgroup.freeze)"
cd /
kill -9 $(cat /run/corten/corten.pid); sleep 0.2
corten daemon >> /tmp/daemon.log 2>&1 &
i=0; until corten ps > /dev/null 2>&1 || [ $i = 100 ]; do sleep 0.1; i=$((i+1)); done
echo "still paused: $(corten ps --format '{{.State}}')"
corten unpause web > /dev/null
echo "after a crash: $(corten exec web cat /w/index.html) $(wget -qO- http://127.0.0.1:8080/)"
corten rm -f web oom > /dev/null
sleep 1
echo "left: $(find /sys/fs/cgroup/docker -mindepth 1 -type d 2> /dev/null | wc -l) $(grep -c overlay /proc/mounts) $(ls /sys/class/net | grep -c veth)"
"#;

#[test]
fn limits_and_isolation_hold() {
    // In the machine there is no other command line.
    own_words_only!();
    let dir = std::env::temp_dir().join(format!("corten-v2-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let shim = binary().with_file_name("corten-shim");
    let report = Machine::default()
        .file(&stripped(&binary(), &dir), "bin/corten")
        .file(&stripped(&shim, &dir), "bin/corten-shim")
        .file(&fixtures::busybox(), "busybox.tar")
        .run(SCRIPT, Duration::from_secs(300));
    std::fs::remove_dir_all(&dir).unwrap();
    let text = report.lines.join("\n");
    let said = |name: &str| -> &str {
        let prefix = format!("{name}: ");
        let line = report.lines.iter().find_map(|line| line.strip_prefix(&prefix));
        line.unwrap_or_else(|| panic!("no {name} in\n{text}")).trim()
    };
    assert_eq!(said("hello"), "hi", "{text}");
    assert_eq!(said("cgroup version").to_lowercase(), "cgroupversion:2", "{text}");
    assert_eq!(said("memory"), "67108864", "{text}");
    assert_eq!(said("swap"), "67108864", "{text}");
    assert_eq!(said("cpu"), "50000 100000", "{text}");
    // By the newer of the two formulas of runc, in which 1024 shares are a weight of 100.
    assert_eq!(said("weight"), "59", "{text}");
    assert_eq!(said("pids"), "32", "{text}");
    assert_eq!(said("cgroup"), "0::/", "a cgroup namespace of its own: {text}");
    assert_eq!(said("capabilities"), "00000000a80425fb", "{text}");
    assert_eq!(said("seccomp"), "2", "{text}");
    assert_eq!(
        said("devices"),
        "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
    );
    assert_eq!(said("device"), "Operation not permitted", "{text}");
    assert_eq!(said("null"), "open", "{text}");
    assert_eq!(said("read-only"), "Read-only file system", "{text}");
    assert_eq!(said("updated"), "50331648 50331648 25000 100000 77 59", "{text}");
    assert_eq!(said("stats"), "web 48MiB", "{text}");
    assert_eq!(said("top"), "1", "{text}");
    assert_eq!(said("paused"), "paused 1", "{text}");
    assert_eq!(said("still paused"), "paused", "{text}");
    assert_eq!(said("oom"), "137 \"OOMKilled\":true", "{text}");
    assert_eq!(said("page"), "page", "{text}");
    assert_eq!(said("exec"), "page", "{text}");
    assert_eq!(said("after a crash"), "page page", "{text}");
    assert_eq!(said("left"), "0 0 0", "{text}");
    assert_eq!(report.code, 0, "{text}");
}

/// The program without what only a debugger needs: it travels through a slow machine's memory.
pub(crate) fn stripped(program: &Path, dir: &Path) -> PathBuf {
    let to = dir.join(program.file_name().unwrap());
    run(Command::new("strip").arg("-o").arg(&to).arg(program), SOON).ok();
    to
}
