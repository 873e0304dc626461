//! What a kernel with Debian's modules has and others may lack: ipvlan, VLANs, dummy interfaces, NFS, SCTP. One machine for all of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use corten_testkit::qemu::Machine;
use corten_testkit::{binary, fixtures, run};

use crate::cgroup_v2::stripped;
use crate::{SOON, own_words_only};

const MODULES: [&str; 8] = [
    "8021q", "ipvlan", "loop", "macvlan", "nfs", "nfsd", "nfsv4", "sctp",
];

/// Each check of the script, and what it is to say.
const EXPECTED: &[(&str, &str)] = &[
    ("l2 mac", "shared"),
    ("l2 address", "10.60.0.10 10.60.0.2"),
    ("l2 by address", "yes"),
    ("l2 by name", "yes"),
    ("l2 out", "yes yes"),
    ("l2 route", "default via 10.60.0.1 dev eth0"),
    // Nothing is published there, as with Docker.
    ("l2 ports", "0"),
    ("l2 after a crash", "yes yes"),
    ("l2 disconnected", "lo no"),
    ("l2 connected", "10.60.0.77 yes"),
    ("l2 removed", "two 1"),
    ("l3 across subnets", "yes yes"),
    ("l3 out", "yes yes"),
    ("l3 route", "default dev eth0 scope link"),
    ("l3s", "yes"),
    ("private", "no"),
    ("vlan made", "VID: 50"),
    ("vlan", "yes yes yes"),
    ("vlan mac", "02:00:00:00:00:07"),
    ("vlan after a crash", "yes yes"),
    ("vlan removed", "0"),
    ("ipvlan on a vlan", "yes yes"),
    ("vlan removed again", "0"),
    ("vlan of two", "1 yes"),
    ("vlan of the other", "1 yes"),
    ("vlan of none", "0"),
    ("vlan of somebody else", "1"),
    ("macvlan alone", "1"),
    ("macvlan alone reaches", "yes"),
    ("macvlan alone route", "0"),
    ("macvlan alone removed", "0"),
    ("ipvlan alone", "1"),
    ("ipvlan alone reaches", "yes"),
    ("ipvlan alone route", "0"),
    ("ipvlan alone removed", "0"),
    ("networks", "bridge host none"),
    ("sctp", "7/sctp -> 0.0.0.0:7000 hello by sctp hello by sctp"),
    ("nfs", "from the server  /v nfs4 rw"),
    ("nfs on the server", "from the client"),
    ("nfs shared", "both"),
    ("nfs after a crash", "both 1"),
    ("nfs unmounted", "0"),
    (
        "nfs in one step",
        "from the server touch: /v/x: Read-only file system",
    ),
    ("ext4", "kept  /v ext4 rw,noatime"),
    ("ext4 is free", "0"),
    ("tmpfs", "7 1024 No space left on device"),
    ("volumes", "0 0"),
    ("left", "0"),
];

/// The same for those that say more than can be told beforehand: code and a part of the sentence.
const REFUSED: &[(&str, u8, &str)] = &[
    (
        "l2 own mac",
        125,
        "ipvlan interfaces do not support custom mac address assignment",
    ),
    ("l2 address twice", 125, "Address already in use"),
    ("l2 in use", 1, "network two has active endpoints"),
    ("l2 parent twice", 1, "is already using parent interface eth0"),
    ("l3 out of range", 125, "invalid config for network three"),
    (
        "parent lo",
        1,
        "loopback interface is not a valid ipvlan parent link",
    ),
    (
        "parent nosuch",
        1,
        "invalid subinterface vlan name nosuch, example formatting is eth0.10",
    ),
    (
        "parent nosuch.5",
        1,
        "-o parent interface was not found on the host: nosuch",
    ),
    (
        "parent eth0.4095",
        1,
        "vlan id must be between 1-4094, received: 4095",
    ),
    ("mode", 1, "requested ipvlan mode 'l4' is not valid"),
    (
        "nfs without a directory",
        127,
        "mount :/nosuch:/var/lib/corten/volumes/lost/_data, data: addr=127.0.0.1,vers=4.2: no such file or directory",
    ),
    ("nfs without a server", 125, "timeo=5: connection refused"),
    ("ext4 in a file", 125, "block device required"),
];

#[test]
fn networks_and_volumes_of_other_kernels() {
    // In the machine there is no other command line.
    own_words_only!();
    let dir = std::env::temp_dir().join(format!("corten-kernel-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let shim = binary().with_file_name("corten-shim");
    let report = Machine::default()
        .modules(&MODULES)
        .file(&stripped(&binary(), &dir), "bin/corten")
        .file(&stripped(&shim, &dir), "bin/corten-shim")
        .file(Path::new(env!("CARGO_BIN_EXE_sctp")), "bin/sctp")
        .file(&fixtures::busybox(), "busybox.tar")
        .file(&disk(&dir), "disk.img")
        .run(include_str!("debian_kernel.sh"), Duration::from_secs(400));
    fs::remove_dir_all(&dir).unwrap();
    let text = report.lines.join("\n");
    let said = |name: &str| -> &str {
        let prefix = format!("{name}: ");
        let line = report.lines.iter().find_map(|line| line.strip_prefix(&prefix));
        line.unwrap_or_else(|| panic!("no {name} in\n{text}")).trim()
    };
    for (name, expected) in EXPECTED {
        assert_eq!(said(name), *expected, "{name} in\n{text}");
    }
    for (name, code, sentence) in REFUSED {
        let said = said(name);
        assert!(
            said.starts_with(&format!("{code} ")) && said.contains(sentence),
            "{name}: {said}, not {code} {sentence} in\n{text}"
        );
    }
    assert_eq!(report.code, 0, "{text}");
}

/// An ext4 in a file.
fn disk(dir: &Path) -> PathBuf {
    let image = dir.join("disk.img");
    File::create(&image).unwrap().set_len(4 << 20).unwrap();
    run(Command::new("mkfs.ext4").arg("-q").arg(&image), SOON).ok();
    image
}
