//! Packs directories into a tar stream, by descriptors only, so that whoever changes them meanwhile leads the walk nowhere
//! but through them.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags, SeekFrom, Stat};
use rustix::io::Errno;

use crate::{Error, Member, MemberKind, Result, Segment, TarWriter, is_of_kernel};

/// Directories kept open: the first and the deepest ones. Others are opened again when the walk comes back to them.
const MAX_OPEN: usize = 64;
/// Longest path in an archive: nothing could unpack a longer one.
const MAX_PATH: usize = 4095;
/// As much of it is told.
const SHOWN: usize = 64;
const BUFFER: usize = 256 * 1024;
/// Most pieces of one file that are told apart.
const MAX_SEGMENTS: usize = 8192;
/// Overlay's mark of a directory that hides the one below.
const OPAQUE_XATTR: &str = "trusted.overlay.opaque";
/// Most bytes of attributes' names, and of an attribute's value, that Linux allows.
const MAX_XATTR: usize = 64 * 1024;

/// Which files to leave out: called with the path from the walk's root and what kind of file is there.
type Skip<'a> = Box<dyn Fn(&[u8], &Stat) -> bool + 'a>;

/// Writes files and directories into one archive.
pub struct Packer<'a, W> {
    tar: TarWriter<W>,
    /// Names of files with several.
    links: HashMap<(u64, u64), Vec<u8>>,
    /// The tree is overlay's writable layer: whiteouts are written in the form of image layers.
    layer: bool,
    skip: Option<Skip<'a>>,
    /// Holes stay holes, and all attributes are kept.
    backup: bool,
    /// Files of `/proc`, `/sys` and their like are left out.
    data_only: bool,
    buffer: Vec<u8>,
}

/// A directory being walked.
struct Level {
    /// None while the walk is far below.
    fd: Option<OwnedFd>,
    inode: (u64, u64),
    /// Names in it, the next one last.
    names: Vec<CString>,
    /// What stands before them in the archive.
    prefix: Vec<u8>,
    /// The path from the walk's root.
    path: Vec<u8>,
}

impl<'a, W: Write> Packer<'a, W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            tar: TarWriter::new(out),
            links: HashMap::new(),
            layer: false,
            skip: None,
            backup: false,
            data_only: false,
            buffer: vec![0; BUFFER],
        }
    }

    /// What is packed is overlay's writable layer, to become an image's.
    pub fn layer(mut self) -> Self {
        self.layer = true;
        self
    }

    /// What is packed is to be put back one day as it is: holes in files stay holes, and all extended attributes are kept, not
    /// only those that images have.
    pub fn backup(mut self) -> Self {
        self.backup = true;
        self
    }

    /// Leaves out what is not data: of `/proc`, `/sys` and their like only the empty directory is packed.
    pub fn data_only(mut self) -> Self {
        self.data_only = true;
        self
    }

    /// Leaves out what `skip` says; of a directory left out the contents are packed all the same.
    pub fn skipping(mut self, skip: impl Fn(&[u8], &Stat) -> bool + 'a) -> Self {
        self.skip = Some(Box::new(skip));
        self
    }

    /// Packs the file or the whole directory `file` of `parent` under `name`.
    ///
    /// # Errors
    /// When something cannot be read, or writing fails. Files that vanish meanwhile do not matter.
    pub fn entry(&mut self, parent: BorrowedFd<'_>, file: &CStr, name: &[u8]) -> Result<()> {
        let mut levels = Vec::new();
        self.one(parent, file, name.to_vec(), Vec::new(), &mut levels)?;
        self.walk(levels)
    }

    /// Packs a directory and all in it as `name`; without a name only what is in it.
    ///
    /// # Errors
    /// As [`Packer::entry`].
    pub fn directory(&mut self, dir: OwnedFd, name: Option<&[u8]>) -> Result<()> {
        let mut prefix = Vec::new();
        if let Some(name) = name {
            let stat = rustix::fs::fstat(&dir).map_err(|error| Error::pack("lstat", name, error))?;
            prefix = with_slash(name);
            let attributes = xattrs(dir.as_fd(), name, self.backup)?;
            self.begin(MemberKind::Directory, &prefix, &stat, attributes)?;
        }
        let level = self.level(dir, prefix, Vec::new())?;
        self.walk(vec![level])
    }

    /// Ends the archive and hands back what it was written to.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(self) -> Result<W> {
        self.tar.finish()
    }

    fn walk(&mut self, mut levels: Vec<Level>) -> Result<()> {
        while let Some(level) = levels.last_mut() {
            let Some(file) = level.names.pop() else {
                levels.pop();
                continue;
            };
            let join = |before: &[u8]| [before, file.to_bytes()].concat();
            let (name, path) = (join(&level.prefix), join(&level.path));
            if name.len() > MAX_PATH {
                return Err(Error::LongPath(
                    String::from_utf8_lossy(&name[..SHOWN]).into_owned(),
                ));
            }
            if level.fd.is_none() {
                let fd = again(&levels);
                if let Some(level) = levels.last_mut() {
                    level.fd = fd;
                }
            }
            let mut deeper = Vec::new();
            match levels.last() {
                Some(Level { fd: Some(fd), .. }) => {
                    self.one(fd.as_fd(), &file, name, path, &mut deeper)?;
                }
                // Gone, or moved, since it was left.
                _ => drop(levels.pop()),
            }
            if let Some(found) = deeper.pop() {
                if let Some(far) = levels.len().checked_sub(MAX_OPEN).filter(|far| *far > 0) {
                    levels[far].fd = None;
                }
                levels.push(found);
            }
        }
        Ok(())
    }

    /// Writes one file; a directory is only begun, and pushed to `deeper`.
    fn one(
        &mut self,
        parent: BorrowedFd<'_>,
        file: &CStr,
        name: Vec<u8>,
        path: Vec<u8>,
        deeper: &mut Vec<Level>,
    ) -> Result<()> {
        let failed = |operation| {
            let name = name.clone();
            move |error: Errno| Error::pack(operation, &name, error)
        };
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat(parent, file, flags, Mode::empty()) {
            Ok(fd) => fd,
            // Gone since it was listed.
            Err(Errno::NOENT | Errno::STALE) => return Ok(()),
            Err(error) => return Err(failed("open")(error)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(failed("lstat"))?;
        let left_out = self.skip.as_ref().is_some_and(|skip| skip(&path, &stat));
        let file_type = FileType::from_raw_mode(stat.st_mode);
        if left_out && file_type != FileType::Directory {
            return Ok(());
        }
        match file_type {
            FileType::Directory => {
                let reading = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let dir = rustix::fs::openat(&fd, c".", reading, Mode::empty()).map_err(failed("open"))?;
                let prefix = with_slash(&name);
                if !left_out {
                    let attributes = xattrs(dir.as_fd(), &name, self.backup)?;
                    self.begin(MemberKind::Directory, &prefix, &stat, attributes)?;
                    if self.layer && is_opaque(dir.as_fd()) {
                        let marker = [prefix.as_slice(), b".wh..wh..opq"].concat();
                        self.empty_file(&marker, &stat)?;
                    }
                }
                deeper.push(self.level(dir, prefix, [path.as_slice(), b"/"].concat())?);
                Ok(())
            }
            FileType::RegularFile => self.file(&fd, &name, &stat),
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&fd, c"", Vec::new()).map_err(failed("readlink"))?;
                let mut member = member(MemberKind::Symlink, &name, &stat, Vec::new());
                member.link = target.into_bytes();
                self.tar.begin(&member)
            }
            FileType::CharacterDevice if self.layer && stat.st_rdev == 0 => {
                let slash = name.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
                let marker = [&name[..slash], b".wh.", &name[slash..]].concat();
                self.empty_file(&marker, &stat)
            }
            FileType::CharacterDevice => self.begin(MemberKind::CharDevice, &name, &stat, Vec::new()),
            FileType::BlockDevice => self.begin(MemberKind::BlockDevice, &name, &stat, Vec::new()),
            FileType::Fifo => self.begin(MemberKind::Fifo, &name, &stat, Vec::new()),
            // Archives cannot hold sockets; Docker leaves them out, too.
            _ => Ok(()),
        }
    }

    /// Lists a directory, sorted.
    fn level(&self, fd: OwnedFd, prefix: Vec<u8>, path: Vec<u8>) -> Result<Level> {
        let failed = |error: Errno| Error::pack("readdir", &prefix, error);
        let mut names = Vec::new();
        if !self.data_only || !is_of_kernel(&fd).map_err(failed)? {
            for entry in Dir::read_from(&fd).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let name = entry.file_name();
                if name != c"." && name != c".." {
                    names.push(name.to_owned());
                }
            }
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        let inode = inode(&fd).map_err(failed)?;
        Ok(Level {
            fd: Some(fd),
            inode,
            names,
            prefix,
            path,
        })
    }

    fn file(&mut self, fd: &OwnedFd, name: &[u8], stat: &Stat) -> Result<()> {
        let failed = |operation| move |error: Errno| Error::pack(operation, name, error);
        if stat.st_nlink > 1 {
            let inode = (stat.st_dev, stat.st_ino);
            if let Some(first) = self.links.get(&inode) {
                let mut member = member(MemberKind::HardLink, name, stat, Vec::new());
                member.link.clone_from(first);
                return self.tar.begin(&member);
            }
            self.links.insert(inode, name.to_vec());
        }
        // What was found to be a file is opened, and nothing that may have taken its name since: opening a device or a pipe
        // does things.
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        let reading = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(CWD, path, reading, Mode::empty()).map_err(failed("open"))?;
        let attributes = xattrs(file.as_fd(), name, self.backup)?;
        let mut file = File::from(file);
        let mut header = member(MemberKind::File, name, stat, attributes);
        if self.backup {
            header.segments = segments(&file, stat).map_err(failed("lseek"))?;
        }
        self.tar.begin(&header)?;
        match header.segments {
            None => self.contents(&mut file, name, header.size),
            Some(segments) => {
                for Segment { offset, length } in segments {
                    rustix::fs::seek(&file, SeekFrom::Start(offset)).map_err(failed("lseek"))?;
                    self.contents(&mut file, name, length)?;
                }
                Ok(())
            }
        }
    }

    /// So many bytes from where the file is read next.
    fn contents(&mut self, file: &mut File, name: &[u8], bytes: u64) -> Result<()> {
        let mut left = bytes;
        while left > 0 {
            let limit = usize::try_from(left).unwrap_or(usize::MAX).min(BUFFER);
            match file.read(&mut self.buffer[..limit]) {
                // It has shrunk: what is missing counts as zeros.
                Ok(0) => {
                    self.buffer[..limit].fill(0);
                    self.tar.data(&self.buffer[..limit])?;
                    left -= limit as u64;
                }
                Ok(count) => {
                    self.tar.data(&self.buffer[..count])?;
                    left -= count as u64;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::pack("read", name, error)),
            }
        }
        Ok(())
    }

    fn begin(
        &mut self,
        kind: MemberKind,
        name: &[u8],
        stat: &Stat,
        attributes: Vec<(Vec<u8>, Vec<u8>)>,
    ) -> Result<()> {
        self.tar.begin(&member(kind, name, stat, attributes))
    }

    fn empty_file(&mut self, name: &[u8], like: &Stat) -> Result<()> {
        let mut member = member(MemberKind::File, name, like, Vec::new());
        (member.size, member.mode, member.device) = (0, 0, (0, 0));
        self.tar.begin(&member)
    }
}

fn member(kind: MemberKind, name: &[u8], stat: &Stat, xattrs: Vec<(Vec<u8>, Vec<u8>)>) -> Member {
    let device = match kind {
        MemberKind::CharDevice | MemberKind::BlockDevice => {
            (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev))
        }
        _ => (0, 0),
    };
    Member {
        kind,
        path: name.to_vec(),
        link: Vec::new(),
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        mtime: (stat.st_mtime, 0),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        device,
        xattrs,
        segments: None,
    }
}

/// Opens the last directory again, if it still is where it was.
fn again(levels: &[Level]) -> Option<OwnedFd> {
    let (root, last) = (levels.first()?, levels.last()?);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let path = last.path.get(root.path.len()..)?;
    let fd = loop {
        match rustix::fs::openat2(root.fd.as_ref()?, path, flags, Mode::empty(), resolve) {
            // A rename somewhere on the machine; the kernel asks to try again.
            Err(Errno::AGAIN | Errno::INTR) => {}
            result => break result.ok()?,
        }
    };
    (inode(&fd).ok()? == last.inode).then_some(fd)
}

fn inode(fd: &OwnedFd) -> rustix::io::Result<(u64, u64)> {
    let stat = rustix::fs::fstat(fd)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// Where the data of a file with holes is; `None` for one without. Of a file in very many pieces the last holes are not told:
/// the map of an archive is held in memory.
fn segments(file: &File, stat: &Stat) -> rustix::io::Result<Option<Vec<Segment>>> {
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    if u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512) >= size {
        return Ok(None);
    }
    let mut found = Vec::new();
    let mut at = 0;
    while at < size {
        let offset = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(offset) => offset,
            // Nothing but a hole up to the end.
            Err(Errno::NXIO) => break,
            // This file system does not tell.
            Err(Errno::INVAL) => return Ok(None),
            Err(error) => return Err(error),
        };
        let end = if found.len() + 1 < MAX_SEGMENTS {
            rustix::fs::seek(file, SeekFrom::Hole(offset))?.min(size)
        } else {
            size
        };
        if end <= offset {
            break;
        }
        found.push(Segment {
            offset,
            length: end - offset,
        });
        at = end;
    }
    rustix::fs::seek(file, SeekFrom::Start(0))?;
    if found.last().is_none_or(|last| last.offset + last.length < size) {
        // By custom the map ends where the file does.
        found.push(Segment {
            offset: size,
            length: 0,
        });
    }
    Ok(Some(found))
}

/// The attributes an archive keeps: capabilities and users' own, or `all`. Overlay's marks mean nothing elsewhere.
fn xattrs(fd: BorrowedFd<'_>, name: &[u8], all: bool) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let failed = |error: Errno| Error::pack("getxattr", name, error);
    let mut small = [0_u8; 1024];
    let mut large = Vec::new();
    let names = match rustix::fs::flistxattr(fd, &mut small) {
        Ok(length) => &small[..length],
        Err(Errno::NOTSUP) => return Ok(Vec::new()),
        Err(Errno::RANGE) => {
            large.resize(MAX_XATTR, 0);
            let length = rustix::fs::flistxattr(fd, &mut large).map_err(failed)?;
            &large[..length]
        }
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for attribute in names.split(|byte| *byte == 0) {
        let is_overlays =
            attribute.starts_with(b"user.overlay.") || attribute.starts_with(b"trusted.overlay.");
        let kept = !attribute.is_empty()
            && !is_overlays
            && (all || attribute == b"security.capability" || attribute.starts_with(b"user."));
        if !kept {
            continue;
        }
        let mut value = vec![0; MAX_XATTR];
        match rustix::fs::fgetxattr(fd, attribute, &mut value) {
            Ok(length) => {
                value.truncate(length);
                found.push((attribute.to_vec(), value));
            }
            // Gone since it was listed.
            Err(Errno::NODATA) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(found)
}

/// Whether overlay shows nothing of the layers below in this directory.
fn is_opaque(fd: BorrowedFd<'_>) -> bool {
    let mut value = [0; 1];
    rustix::fs::fgetxattr(fd, OPAQUE_XATTR, &mut value) == Ok(1) && value == *b"y"
}

fn with_slash(name: &[u8]) -> Vec<u8> {
    let mut name = name.to_vec();
    if !name.ends_with(b"/") {
        name.push(b'/');
    }
    name
}
