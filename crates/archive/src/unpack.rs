//! Unpacks a tar stream into a directory: a layer in overlay's form, or any other as it is.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags};
use rustix::io::Errno;

use crate::path::{Marker, MemberPath};
use crate::tree::{Tree, proc_path};
use crate::{Error, Member, MemberKind, Place, Result, TarReader};

const BUFFER: usize = 128 * 1024;
/// How often room is made for a member where others make something in its place again and again.
const ATTEMPTS: usize = 10;
/// Attributes that steer the overlay filesystem itself: an archive must not speak to it.
const OVERLAY_XATTRS: [&[u8]; 2] = [b"trusted.overlay.", b"user.overlay."];

/// What unpacking found out.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Unpacked {
    /// Bytes in the files.
    pub size: u64,
    /// Whether the archive says what its root directory is like.
    pub has_root: bool,
}

/// What names like `.wh.x` mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// They hide files of the layers below, and links may not climb out by their letters.
    Layer,
    /// Nothing.
    Plain,
}

/// Whom unpacked files belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Whom the archive says.
    Archive,
    /// This user and group.
    Fixed(u32, u32),
    /// Whoever unpacks.
    Caller,
}

/// How to unpack.
#[derive(Debug, Clone)]
pub struct UnpackOptions {
    /// What names mean.
    pub form: Form,
    /// Whom files belong to.
    pub owner: Owner,
    /// Refuse to replace a directory by something else, and the other way round.
    pub keep_kinds: bool,
    /// Replaces the first text by the second once in each name.
    pub rename: Option<(Vec<u8>, Vec<u8>)>,
}

impl UnpackOptions {
    /// Those for a layer.
    pub const LAYER: Self = Self {
        form: Form::Layer,
        owner: Owner::Archive,
        keep_kinds: false,
        rename: None,
    };
}

/// Unpacks all members of `archive` at `place`.
///
/// # Errors
/// When the archive is damaged, a path leads out of it, or a file cannot be made; what was unpacked stays, but no half of a file.
pub fn unpack<R: Read>(
    archive: &mut TarReader<R>,
    place: Place,
    options: &UnpackOptions,
) -> Result<Unpacked> {
    let mut unpacker = Unpacker {
        tree: Tree::new(place)?,
        options,
        directories: Vec::new(),
        buffer: vec![0; BUFFER],
        unpacked: Unpacked::default(),
    };
    while let Some(mut member) = archive.next()? {
        rename(&mut member, options);
        unpacker.member(archive, &member)?;
    }
    unpacker.finish()
}

struct Unpacker<'o> {
    tree: Tree,
    options: &'o UnpackOptions,
    /// Directories and their times, set last because adding files changes them.
    directories: Vec<(MemberPath, (i64, u32))>,
    buffer: Vec<u8>,
    unpacked: Unpacked,
}

impl Unpacker<'_> {
    fn member(&mut self, data: &mut impl Read, member: &Member) -> Result<()> {
        let path = MemberPath::parse(&member.path)?;
        if path.is_root() {
            return self.root(member);
        }
        let marker = match self.options.form {
            Form::Layer => path.marker()?,
            Form::Plain => Marker::None,
        };
        if self.options.keep_kinds {
            self.check_kinds(&path, member.kind)?;
        }
        match marker {
            Marker::Ignored => return Ok(()),
            Marker::Opaque => return self.tree.make_opaque(path.parent()),
            Marker::Whiteout(hidden) => return self.whiteout(&path, hidden),
            Marker::None => {}
        }
        match member.kind {
            MemberKind::Directory => self.directory(path, member),
            MemberKind::File => self.file(&path, data, member),
            MemberKind::HardLink => self.hard_link(&path, member),
            MemberKind::Symlink => self.symlink(&path, member),
            MemberKind::CharDevice => self.node(&path, member, FileType::CharacterDevice),
            MemberKind::BlockDevice => self.node(&path, member, FileType::BlockDevice),
            MemberKind::Fifo => self.node(&path, member, FileType::Fifo),
        }
    }

    /// Refuses to replace a directory by something else, and the other way round.
    fn check_kinds(&mut self, path: &MemberPath, kind: MemberKind) -> Result<()> {
        let is_directory = match self.tree.file_type(path)? {
            None => return Ok(()),
            Some((found, _)) => found == FileType::Directory,
        };
        let wanted = kind == MemberKind::Directory;
        if is_directory == wanted {
            return Ok(());
        }
        let word = |directory| if directory { "directory" } else { "non-directory" };
        let place = self.tree.place();
        Err(Error::Overwrite(format!(
            "{} {:?} with {} {:?}",
            word(is_directory),
            place.shown(path.as_bytes()),
            word(wanted),
            place.shown(b"")
        )))
    }

    fn root(&mut self, member: &Member) -> Result<()> {
        if member.kind != MemberKind::Directory {
            return Err(match self.options.keep_kinds {
                true => Error::Overwrite(format!(
                    "directory {0:?} with non-directory {0:?}",
                    self.tree.place().shown(b"")
                )),
                false => Error::Invalid("the root directory is not a directory".to_owned()),
            });
        }
        apply(self.tree.root(), b"", member, self.options.owner)?;
        self.unpacked.has_root = true;
        self.directories.push((MemberPath::parse(b"")?, member.mtime));
        Ok(())
    }

    fn directory(&mut self, path: MemberPath, member: &Member) -> Result<()> {
        let make = |tree: &mut Tree| -> Result<rustix::io::Result<()>> {
            let parent = tree.directory(path.parent())?;
            Ok(rustix::fs::mkdirat(
                parent,
                path.name(),
                Mode::from_raw_mode(0o700),
            ))
        };
        match make(&mut self.tree)? {
            Ok(()) => {}
            Err(Errno::EXIST) => match self.tree.file_type(&path)? {
                // Listed twice, or made for a file listed before it.
                Some((FileType::Directory, _)) => {}
                found => {
                    self.tree.clear(&path)?;
                    make(&mut self.tree)?.map_err(|error| Error::unpack("mkdir", path.as_bytes(), error))?;
                    if is_whiteout(found) {
                        self.tree.make_opaque(path.as_bytes())?;
                    }
                }
            },
            Err(error) => return Err(Error::unpack("mkdir", path.as_bytes(), error)),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let fd = self.tree.open_existing(&path, flags);
        let fd = fd.map_err(|error| Error::unpack("open", path.as_bytes(), error))?;
        apply(fd.as_fd(), path.as_bytes(), member, self.options.owner)?;
        self.directories.push((path, member.mtime));
        Ok(())
    }

    fn file(&mut self, path: &MemberPath, data: &mut impl Read, member: &Member) -> Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = self.make(path, "open", |parent, name| {
            rustix::fs::openat(parent, name, flags, Mode::from_raw_mode(0o600))
        })?;
        let file = File::from(fd);
        if let Err(error) = fill(&file, data, member, &mut self.buffer, path) {
            // Half a file passes for a whole one, and on a full disk its place is wanted. If it cannot be removed, the
            // first error is the one to tell.
            if let Ok(parent) = self.tree.directory(path.parent()) {
                let _removed = rustix::fs::unlinkat(parent, path.name(), AtFlags::empty());
            }
            return Err(error);
        }
        self.unpacked.size += member.size;
        apply(file.as_fd(), path.as_bytes(), member, self.options.owner)?;
        rustix::fs::futimens(&file, &times(member.mtime))
            .map_err(|error| Error::unpack("utimensat", path.as_bytes(), error))
    }

    fn hard_link(&mut self, path: &MemberPath, member: &Member) -> Result<()> {
        let target = path.hard_link_target(&member.link)?;
        if target == *path || target.is_root() {
            return Err(Error::Breakout(format!(
                "invalid hardlink \"/{}\" -> {:?}",
                String::from_utf8_lossy(path.as_bytes()),
                String::from_utf8_lossy(&member.link)
            )));
        }
        let from = rustix::io::fcntl_dupfd_cloexec(self.tree.directory(target.parent())?, 0)
            .map_err(|error| Error::unpack("link", path.as_bytes(), error))?;
        self.make(path, "link", |parent, name| {
            rustix::fs::linkat(&from, target.name(), parent, name, AtFlags::empty())
        })
    }

    fn symlink(&mut self, path: &MemberPath, member: &Member) -> Result<()> {
        // It may climb as far as it likes: nothing here follows it out, and in a container its root is the end.
        if member.link.is_empty() || member.link.contains(&0) {
            return Err(Error::TarHeader);
        }
        self.make(path, "symlink", |parent, name| {
            rustix::fs::symlinkat(member.link.as_slice(), parent, name)
        })?;
        // As the file system counts.
        self.unpacked.size += member.link.len() as u64;
        self.apply_by_name(path, member, None)
    }

    fn node(&mut self, path: &MemberPath, member: &Member, kind: FileType) -> Result<()> {
        let (major, minor) = member.device;
        let device = rustix::fs::makedev(major, minor);
        self.make(path, "mknod", |parent, name| {
            rustix::fs::mknodat(parent, name, kind, Mode::from_raw_mode(0o600), device)
        })?;
        self.apply_by_name(path, member, Some(member.mode))
    }

    /// A character device 0:0 is overlay's whiteout.
    fn whiteout(&mut self, path: &MemberPath, hidden: &[u8]) -> Result<()> {
        let mut name = path.parent().to_vec();
        if !name.is_empty() {
            name.push(b'/');
        }
        name.extend_from_slice(hidden);
        let hidden = MemberPath::parse(&name)?;
        match self.tree.file_type(&hidden)? {
            // What this layer itself has at that path stays: a whiteout speaks of the layers below only.
            Some((FileType::Directory, _)) => self.tree.make_opaque(hidden.as_bytes()),
            Some(_) => Ok(()),
            None => {
                let parent = self.tree.directory(hidden.parent())?;
                rustix::fs::mknodat(parent, hidden.name(), FileType::CharacterDevice, Mode::empty(), 0)
                    .map_err(|error| Error::unpack("mknod", hidden.as_bytes(), error))
            }
        }
    }

    /// Makes something at `path`, in place of what is there. Others may make something there meanwhile: containers whose volume it is.
    fn make<T>(
        &mut self,
        path: &MemberPath,
        operation: &'static str,
        make: impl Fn(rustix::fd::BorrowedFd<'_>, &[u8]) -> rustix::io::Result<T>,
    ) -> Result<T> {
        let mut made = make(self.tree.directory(path.parent())?, path.name());
        for _ in 0..ATTEMPTS {
            if !matches!(made, Err(Errno::EXIST)) {
                break;
            }
            self.tree.clear(path)?;
            made = make(self.tree.directory(path.parent())?, path.name());
        }
        made.map_err(|error| Error::unpack(operation, path.as_bytes(), error))
    }

    /// Owner, mode, attributes and times of what cannot be opened: links, devices, fifos, just made by us.
    fn apply_by_name(&mut self, path: &MemberPath, member: &Member, mode: Option<u32>) -> Result<()> {
        let failed = |operation| move |error| Error::unpack(operation, path.as_bytes(), error);
        let parent = self.tree.directory(path.parent())?;
        if let Some((uid, gid)) = owner(self.options.owner, member)? {
            rustix::fs::chownat(
                parent,
                path.name(),
                Some(uid),
                Some(gid),
                AtFlags::SYMLINK_NOFOLLOW,
            )
            .map_err(failed("chown"))?;
        }
        if let Some(mode) = mode {
            rustix::fs::chmodat(parent, path.name(), Mode::from_raw_mode(mode), AtFlags::empty())
                .map_err(failed("chmod"))?;
        }
        for (name, value) in xattrs(member) {
            let full = proc_path(parent, path.name());
            supported(rustix::fs::lsetxattr(full, name, value, XattrFlags::empty()))
                .map_err(failed("setxattr"))?;
        }
        rustix::fs::utimensat(
            parent,
            path.name(),
            &times(member.mtime),
            AtFlags::SYMLINK_NOFOLLOW,
        )
        .map_err(failed("utimensat"))
    }

    fn finish(self) -> Result<Unpacked> {
        for (path, mtime) in self.directories {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            match self.tree.open_existing(&path, flags) {
                Ok(fd) => rustix::fs::futimens(fd, &times(mtime))
                    .map_err(|error| Error::unpack("utimensat", path.as_bytes(), error))?,
                // Replaced by something else later in the archive.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(error) => return Err(Error::unpack("open", path.as_bytes(), error)),
            }
        }
        Ok(self.unpacked)
    }
}

/// Owner, mode and attributes, in this order: changing the owner drops set-id bits and capabilities.
fn apply(fd: rustix::fd::BorrowedFd<'_>, path: &[u8], member: &Member, to: Owner) -> Result<()> {
    let failed = |operation| move |error| Error::unpack(operation, path, error);
    if let Some((uid, gid)) = owner(to, member)? {
        rustix::fs::fchown(fd, Some(uid), Some(gid)).map_err(failed("chown"))?;
    }
    rustix::fs::fchmod(fd, Mode::from_raw_mode(member.mode)).map_err(failed("chmod"))?;
    for (name, value) in xattrs(member) {
        match supported(rustix::fs::fsetxattr(fd, name, value, XattrFlags::empty())) {
            // Users may not give files capabilities; they get the file without.
            Err(Errno::PERM) if to == Owner::Caller => {}
            result => result.map_err(failed("setxattr"))?,
        }
    }
    Ok(())
}

/// Whom to give a file to; none leaves it to whoever unpacks.
///
/// # Errors
/// When an identifier is the one that means nobody.
fn owner(owner: Owner, member: &Member) -> Result<Option<(Uid, Gid)>> {
    let (uid, gid) = match owner {
        Owner::Archive => (member.uid, member.gid),
        Owner::Fixed(uid, gid) => (uid, gid),
        Owner::Caller => return Ok(None),
    };
    if uid == u32::MAX || gid == u32::MAX {
        return Err(Error::TarHeader);
    }
    Ok(Some((Uid::from_raw(uid), Gid::from_raw(gid))))
}

/// Applies [`UnpackOptions::rename`]: the names in an archive begin with the name of what was packed.
fn rename(member: &mut Member, options: &UnpackOptions) {
    let Some((from, to)) = &options.rename else {
        return;
    };
    let replace = |name: &mut Vec<u8>| {
        if let Some(rest) = name.strip_prefix(from.as_slice()) {
            *name = [to.as_slice(), rest].concat();
        }
    };
    replace(&mut member.path);
    if member.kind == MemberKind::HardLink {
        replace(&mut member.link);
    }
}

fn xattrs(member: &Member) -> impl Iterator<Item = (&[u8], &[u8])> {
    let allowed = |name: &[u8]| !OVERLAY_XATTRS.iter().any(|prefix| name.starts_with(prefix));
    let pairs = member
        .xattrs
        .iter()
        .map(|(name, value)| (name.as_slice(), value.as_slice()));
    pairs.filter(move |(name, _)| allowed(name))
}

/// File systems without extended attributes, or without those of a namespace, do without, as with Docker.
fn supported(result: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match result {
        Err(Errno::NOTSUP) => Ok(()),
        result => result,
    }
}

fn times((seconds, nanos): (i64, u32)) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: seconds,
            tv_nsec: i64::from(nanos) as _,
        },
    }
}

/// Writes a file's contents.
fn fill(
    file: &File,
    data: &mut impl Read,
    member: &Member,
    buffer: &mut [u8],
    path: &MemberPath,
) -> Result<()> {
    let Some(segments) = &member.segments else {
        return copy(data, &mut &*file, member.size, buffer, path);
    };
    for segment in segments {
        let mut at = At(file, segment.offset);
        copy(data, &mut at, segment.length, buffer, path)?;
    }
    file.set_len(member.size)
        .map_err(|error| Error::unpack("truncate", path.as_bytes(), error))
}

/// Copies exactly `count` bytes; telling whether reading or writing failed matters, hence not `io::copy`.
fn copy(
    from: &mut impl Read,
    to: &mut impl Write,
    mut count: u64,
    buffer: &mut [u8],
    path: &MemberPath,
) -> Result<()> {
    while count > 0 {
        let limit = usize::try_from(count).unwrap_or(usize::MAX).min(buffer.len());
        let read = match from.read(&mut buffer[..limit]) {
            Ok(0) => return Err(Error::UnexpectedEof),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::read(error)),
        };
        to.write_all(&buffer[..read])
            .map_err(|error| Error::unpack("write", path.as_bytes(), error))?;
        count -= read as u64;
    }
    Ok(())
}

fn is_whiteout(found: Option<(FileType, u64)>) -> bool {
    found == Some((FileType::CharacterDevice, 0))
}

/// Writes at an offset that moves along.
struct At<'a>(&'a File, u64);

impl Write for At<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.0.write_at(bytes, self.1)?;
        self.1 += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
