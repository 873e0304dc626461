//! Compiles the programs of the built-in images (`guests/`) as static executables, to be included in this crate.

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};

const GUESTS: [&str; 2] = ["hello-world", "whoami"];
const FLAGS: [&str; 6] = [
    "target-feature=+crt-static",
    "relocation-model=static",
    "opt-level=s",
    "panic=abort",
    "strip=symbols",
    "codegen-units=1",
];

fn main() -> ExitCode {
    let variable = |name| env::var(name).map_err(|error| format!("{name}: {error}"));
    let build = || -> Result<(), String> {
        let (rustc, target, out) = (variable("RUSTC")?, variable("TARGET")?, variable("OUT_DIR")?);
        let guests = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../../guests");
        println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
        for guest in GUESTS {
            let source = guests.join(guest).join("src/main.rs");
            println!("cargo::rerun-if-changed={}", source.display());
            let mut command = Command::new(&rustc);
            command.args(["--edition=2024", "--crate-type=bin", "--target", &target]);
            command.args(["--crate-name", &guest.replace('-', "_")]);
            command.args(FLAGS.iter().flat_map(|flag| ["-C", flag]));
            if let Ok(linker) = env::var("RUSTC_LINKER") {
                command.arg(format!("-Clinker={linker}"));
            }
            command.arg("-o").arg(Path::new(&out).join(guest)).arg(&source);
            let status = command.status().map_err(|error| format!("{rustc}: {error}"))?;
            if !status.success() {
                return Err(format!("compiling {guest}: {status}"));
            }
        }
        Ok(())
    };
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error={error}");
            ExitCode::FAILURE
        }
    }
}
