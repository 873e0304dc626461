//! Running from a sealed file in memory, so that no container can overwrite the shim's program (CVE-2019-5736).
//!
//! A process in the container can reach the program of whoever enters its namespaces through `/proc/PID/exe`. The daemon
//! executes all shims from one sealed memory file, and then there is nothing to do here. A shim started any other way
//! copies itself into such a file and starts again.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;

use corten_shim_api::{is_sealed, sealed_copy};

/// Returns only if this process's program is sealed; otherwise executes a sealed copy of it.
///
/// # Errors
/// When the copy cannot be made or executed.
pub fn ensure_sealed() -> io::Result<()> {
    let program = File::open("/proc/self/exe")?;
    if is_sealed(&program) {
        return Ok(());
    }
    execute_sealed_copy(program)
}

fn execute_sealed_copy(program: File) -> io::Result<()> {
    let copy = sealed_copy(program)?;
    let arguments: Vec<CString> = strings(std::env::args_os().map(OsStringExt::into_vec))?;
    let environment: Vec<CString> = strings(std::env::vars_os().map(|(key, value)| {
        let mut entry = key.into_vec();
        entry.push(b'=');
        entry.extend(value.into_vec());
        entry
    }))?;
    let (arguments, environment) = (pointers(&arguments), pointers(&environment));
    // SAFETY: the path is an empty string, both arrays end in null and point to strings that outlive the call.
    unsafe {
        libc::execveat(
            copy.as_raw_fd(),
            c"".as_ptr(),
            arguments.as_ptr(),
            environment.as_ptr(),
            libc::AT_EMPTY_PATH,
        );
    }
    Err(io::Error::last_os_error())
}

fn strings(values: impl Iterator<Item = Vec<u8>>) -> io::Result<Vec<CString>> {
    Ok(values.map(CString::new).collect::<Result<_, _>>()?)
}

fn pointers(strings: &[CString]) -> Vec<*mut libc::c_char> {
    strings
        .iter()
        .map(|s| s.as_ptr().cast_mut())
        .chain([std::ptr::null_mut()])
        .collect()
}
