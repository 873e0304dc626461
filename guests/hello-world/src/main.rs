//! The program of the built-in image `hello-world`: shows that an installation works and tells how it came to run.
//!
//! A single file on std alone: `crates/image/build.rs` compiles it, too.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

const TEXT: &str = "\
Hello from Corten!
If you can read this, your installation works.

What just happened:
 1. The command line asked the Corten daemon for a container of the image \"hello-world\".
 2. The daemon took the image from the ones it carries with it; nothing was downloaded.
 3. It put a writable layer on top of the image, started the one program in there in
    namespaces and a cgroup of its own, and that program printed this text.
 4. The daemon passed the output on to the command line, which showed it to you.

Something with a little more to see, a web server that tells who it is:
 $ corten run --rm -p 8080:80 whoami
 $ curl http://localhost:8080/

";

fn main() -> ExitCode {
    match std::io::stdout().write_all(TEXT.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
