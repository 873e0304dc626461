//! The command line alone, without an engine in the same program: what the tests run as a process of its own.

fn main() {
    let mut args = std::env::args_os();
    args.next();
    std::process::exit(corten_cli::main(args.collect(), "docker", "unknown"));
}
