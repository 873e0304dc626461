//! The directory of a local volume: data and record, made and removed so that a daemon killed meanwhile leaves neither a volume
//! without data nor data without a volume.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::volume::Volume;

/// Name of a volume's record.
pub(crate) const RECORD: &str = "volume.json";
/// The record while it is being written.
const STAGED_RECORD: &str = "volume.json.new";
/// Name of the directory with a volume's data.
pub(crate) const DATA: &str = "_data";

/// Reads the record in `dir`.
pub(crate) fn read_record(dir: &Path) -> io::Result<Volume> {
    Ok(serde_json::from_slice(&fs::read(dir.join(RECORD))?)?)
}

/// Data directory first, then the record, durable: with the record the volume exists. Without `data` there is only a record.
pub(crate) fn make(dir: &Path, volume: &Volume, data: bool) -> io::Result<()> {
    DirBuilder::new().mode(0o701).create(dir)?;
    if data {
        DirBuilder::new().mode(0o755).create(dir.join(DATA))?;
    }
    let staged = dir.join(STAGED_RECORD);
    let mut file = File::create(&staged)?;
    file.write_all(&serde_json::to_vec(volume)?)?;
    file.sync_data()?;
    fs::rename(&staged, dir.join(RECORD))?;
    File::open(dir)?.sync_all()
}

/// Removes a volume's directory. The record goes last: a removal cut short is taken up by the next one.
pub(crate) fn remove(dir: &Path) -> io::Result<()> {
    remove_trees(dir)
        .and_then(|()| fs::remove_dir_all(dir))
        .or_else(absent_is_fine)
}

/// Removes what a making or a removal that was cut short has left, but no data.
pub(crate) fn clear_half_made(dir: &Path) -> io::Result<()> {
    fs::remove_dir(dir.join(DATA)).or_else(absent_is_fine)?;
    for record in [STAGED_RECORD, RECORD] {
        fs::remove_file(dir.join(record)).or_else(absent_is_fine)?;
    }
    fs::remove_dir(dir)
}

/// Removes all directories in `top`, however deep: what containers wrote may be deeper than a stack or a path may be long. Each
/// directory is moved up before it is emptied, so nothing here goes deeper than one level; links are not followed.
fn remove_trees(top: &Path) -> io::Result<()> {
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    let mut names = (0_u64..).map(|number| top.join(format!("removed-{number}")));
    let mut queue = vec![top.to_owned()];
    while let Some(dir) = queue.pop() {
        let at_top = dir == top;
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                if !at_top {
                    fs::remove_file(entry.path())?;
                }
            } else if at_top {
                queue.push(entry.path());
            } else if let Some(up) = names.find(|name| !is_there(name)) {
                fs::rename(entry.path(), &up)?;
                queue.push(up);
            }
        }
        if !at_top {
            fs::remove_dir(&dir)?;
        }
    }
    Ok(())
}

fn absent_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound {
        Ok(())
    } else {
        Err(error)
    }
}
