//! The `docker` command line: parses arguments, talks to an engine through `corten-client`, prints for people.
//!
//! Lives here: one file per verb under `verbs`, the flags they share, what a container's settings become in JSON
//! (`spec`), the terminal (`session`), tables and formats. Never here: anything of the engine itself, HTTP, or a second
//! way to reach containers: what a verb does, any other client of the API can do.
//!
//! The start of the process is part of what `run` costs: a verb's flags are static tables, nothing is built for the
//! verbs that are not asked for, and no thread is started that the verb does not need.
#![forbid(unsafe_code)]

mod command;
mod config_file;
mod context;
mod copy;
mod daemon_start;
mod error;
mod flags;
mod format;
mod human;
mod invocation;
mod json_text;
mod output;
mod platform;
mod progress;
mod reference;
mod root;
mod session;
mod spec;
mod table;
mod typed;
mod verbs;

use std::ffi::OsString;

use command::Program;
use error::Error;

/// Runs the command line and returns the process's exit code.
///
/// `args` are the arguments behind the program's name; `prog` is that name as it is to be shown (`docker`, `corten`), `commit`
/// what the program is built from.
pub fn main(args: Vec<OsString>, prog: &str, commit: &'static str) -> i32 {
    let program = Program {
        name: prog.to_owned(),
        commit,
    };
    let result = args
        .into_iter()
        .map(|arg| {
            arg.into_string()
                .map_err(|arg| Error::plain(format!("argument is not valid UTF-8: {}", arg.display())))
        })
        .collect::<Result<Vec<_>, _>>()
        .and_then(|args| root::run(args, program));
    match result {
        Ok(code) => code,
        Err(error) => {
            error.report();
            error.exit_code()
        }
    }
}
