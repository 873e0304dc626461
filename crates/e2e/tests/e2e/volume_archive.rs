//! `volume export` and `import`.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;

use corten_testkit::{Engine, run, until};

use crate::{BB, SOON, corten_only, engine, idle};

fn mountpoint(engine: &Engine, name: &str) -> String {
    engine.ok(&["volume", "inspect", "-f", "{{.Mountpoint}}", name])
}

/// Runs Python, which knows attributes of files.
fn python(script: &str, args: &[&str]) -> String {
    run(
        Command::new("/usr/bin/python3").args(["-c", script]).args(args),
        SOON,
    )
    .ok()
}

/// Puts a bit of everything into a directory.
fn fill(dir: &Path) {
    let file = |name: &str| dir.join(name);
    fs::create_dir_all(file("sub/deep")).unwrap();
    fs::write(file("sub/deep/f"), "deep").unwrap();
    fs::write(file("one"), "text").unwrap();
    fs::hard_link(file("one"), file("sub/other")).unwrap();
    symlink("../one", file("sub/link")).unwrap();
    let sparse = fs::File::create(file("sparse")).unwrap();
    sparse.set_len(1 << 30).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"middle", 300 << 20).unwrap();
    let script = "import os, sys
d = sys.argv[1]
os.setxattr(d + '/one', 'user.k', b'v')
os.setxattr(d + '/sub', 'trusted.k', b'w')
os.chown(d + '/sub/deep/f', 1234, 5678)
os.chmod(d + '/sub/deep/f', 0o4711)
os.chown(d + '/sub/link', 7, 8, follow_symlinks=False)
os.mkfifo(d + '/pipe', 0o600)
os.chown(d, 42, 43)
os.chmod(d, 0o1750)
os.utime(d + '/one', (1000000000, 1000000000))
";
    python(script, &[&dir.display().to_string()]);
}

/// Owners, modes, times, attributes, contents of all that is below a directory.
fn seen(dir: &str) -> String {
    let script = "import hashlib, os, stat, sys
top = sys.argv[1]
numbers = {}
for base, dirs, files in os.walk(top):
    for name in sorted([''] * (base == top) + dirs + files):
        path = os.path.join(base, name) if name else top
        s = os.lstat(path)
        line = [os.path.relpath(path, top), oct(s.st_mode), s.st_uid, s.st_gid, s.st_nlink * (not stat.S_ISDIR(s.st_mode))]
        if stat.S_ISREG(s.st_mode):
            line += [s.st_size, hashlib.sha256(open(path, 'rb').read()).hexdigest()[:8], int(s.st_mtime), s.st_blocks < 2048]
        if stat.S_ISLNK(s.st_mode):
            line.append(os.readlink(path))
        for key in sorted(os.listxattr(path, follow_symlinks=False)):
            line.append((key, os.getxattr(path, key, follow_symlinks=False)))
        print(*line)
";
    python(script, &[dir])
}

#[test]
fn a_backup_brings_everything_back() {
    corten_only!();
    let engine = engine();
    engine.corten().corten(&["volume", "create", "data"]).ok();
    let corten = |args: &[&str]| engine.corten().corten(args);
    let from = mountpoint(&engine, "data");
    fill(Path::new(&from));
    // In use, which is allowed.
    idle(&engine, "user", &["-v", "data:/d"]);
    let file = engine.scratch("backup").join("data.tar").display().to_string();
    corten(&["volume", "export", "-o", &file, "data"]).ok();
    let size = fs::metadata(&file).unwrap().len();
    assert!(size < 1 << 20, "a hole of a gibibyte takes {size} bytes");
    corten(&["volume", "import", "copy", &file]).ok();
    assert_eq!(seen(&mountpoint(&engine, "copy")), seen(&from));
    assert_eq!(
        fs::metadata(mountpoint(&engine, "copy")).unwrap().mode() & 0o7777,
        0o1750
    );

    // Other programs read it, holes included.
    let script = "import tarfile, sys
t = tarfile.open(sys.argv[1])
m = t.getmember('./sparse')
f = t.extractfile(m)
f.seek(300 << 20)
print(m.size, f.read(6).decode(), t.getmember('./sub/other').linkname, t.getmember('.').mode)
";
    assert_eq!(
        python(script, &[&file]),
        format!("{} middle ./one {}", 1 << 30, 0o1750)
    );
    let unpacked = engine.scratch("unpacked");
    run(
        Command::new("tar")
            .arg("--xattrs")
            .args(["--xattrs-include=*", "-xpf", &file, "-C"])
            .arg(&unpacked),
        SOON,
    )
    .ok();
    assert_eq!(seen(&unpacked.display().to_string()), seen(&from));

    // What `tar` makes is taken, compressed or not; what is there is replaced, the rest stays.
    fs::write(unpacked.join("one"), "newer").unwrap();
    let other = engine.scratch("backup").join("other.tgz").display().to_string();
    run(
        Command::new("tar")
            .args(["-czf", &other, "-C"])
            .arg(&unpacked)
            .arg("one"),
        SOON,
    )
    .ok();
    corten(&["volume", "import", "copy", &other]).ok();
    let copy = mountpoint(&engine, "copy");
    assert_eq!(fs::read_to_string(format!("{copy}/one")).unwrap(), "newer");
    assert_eq!(fs::read_to_string(format!("{copy}/sub/deep/f")).unwrap(), "deep");
    // Through pipes.
    let binary = corten_testkit::binary().display().to_string();
    let host = format!("unix://{}", engine.socket().display());
    let pipe = format!("{binary} -H {host} volume export data | {binary} -H {host} volume import piped");
    assert_eq!(run(Command::new("sh").args(["-c", &pipe]), SOON).ok(), "piped");
    assert_eq!(seen(&mountpoint(&engine, "piped")), seen(&from));
}

#[test]
fn backups_of_mounted_volumes_and_bad_archives() {
    corten_only!();
    let engine = engine();
    let corten = |args: &[&str]| engine.corten().corten(args);
    let dir = engine.scratch("bound");
    fs::write(dir.join("f"), "elsewhere").unwrap();
    let device = format!("device={}", dir.display());
    corten(&[
        "volume",
        "create",
        "-o",
        "type=none",
        "-o",
        &device,
        "-o",
        "o=bind",
        "bound",
    ])
    .ok();
    let file = engine.scratch("backup").join("b.tar").display().to_string();
    corten(&["volume", "export", "-o", &file, "bound"]).ok();
    // The client has all of the archive a moment before the daemon is done with the volume.
    let place = mountpoint(&engine, "bound");
    until("it is unmounted again", SOON, || {
        !fs::read_to_string("/proc/self/mountinfo")
            .unwrap()
            .contains(&place)
    });
    fs::remove_file(dir.join("f")).unwrap();
    corten(&["volume", "import", "bound", &file]).ok();
    assert_eq!(fs::read_to_string(dir.join("f")).unwrap(), "elsewhere");

    let refused = |args: &[&str], sentence: &str| {
        let done = corten(args);
        done.fails(1);
        assert!(done.err().contains(sentence), "{args:?}: {}", done.err());
    };
    refused(
        &["volume", "export", "-o", &file, "missing"],
        "get missing: no such volume",
    );
    refused(&["volume", "import", "x", &file], "volume name is too short");
    refused(
        &["volume", "import", "other", "/nonexistent"],
        "no such file or directory",
    );
    let garbage = engine.scratch("backup").join("garbage").display().to_string();
    fs::write(&garbage, vec![b'x'; 4096]).unwrap();
    refused(&["volume", "import", "other", &garbage], "tar");
    assert_eq!(engine.api("GET", "/volumes/missing/archive", "").status, 404);
    // No name and no link in an archive leads out of the volume.
    let evil = engine.scratch("backup").join("evil.tar").display().to_string();
    let script = "import io, sys, tarfile
t = tarfile.open(sys.argv[1], 'w')
def add(name, **more):
    m = tarfile.TarInfo(name)
    for key, value in more.items():
        setattr(m, key, value)
    t.addfile(m, io.BytesIO(b'x' * m.size))
add('out', type=tarfile.SYMTYPE, linkname=sys.argv[2])
add('out/planted', size=1)
t.close()
";
    let outside = engine.scratch("outside");
    python(script, &[&evil, &outside.display().to_string()]);
    // Refused or kept inside: either way nothing is planted.
    let _ = corten(&["volume", "import", "other", &evil]);
    assert!(fs::read_dir(&outside).unwrap().next().is_none());
    engine.ok(&["run", "--rm", "-v", "other:/o", BB, "true"]);
}

#[test]
fn a_failed_import_leaves_no_new_volume() {
    corten_only!();
    let engine = engine();
    let file = engine.scratch("import").join("bad.tar").display().to_string();
    fs::write(&file, "no archive at all").unwrap();
    let corten = |args: &[&str]| engine.corten().corten(args);
    corten(&["volume", "import", "fresh", &file]).fails(1);
    engine.ok(&["volume", "create", "old"]);
    corten(&["volume", "import", "old", &file]).fails(1);
    assert_eq!(engine.ok(&["volume", "ls", "-q"]), "old");
}
