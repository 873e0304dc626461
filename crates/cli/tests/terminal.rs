//! `run -it` on a pseudo-terminal: raw mode, detach keys, and the terminal as it was afterwards.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, too")]

mod engine;

use std::fs::File;
use std::io::{Read, Write};

use engine::{Engine, ID, Reply, usual};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

#[test]
fn keys_go_raw_until_the_detach_sequence() {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    tcsetwinsize(
        &slave,
        Winsize {
            ws_row: 33,
            ws_col: 99,
            ws_xpixel: 0,
            ws_ypixel: 0,
        },
    )
    .unwrap();
    let before = tcgetattr(&slave).unwrap();

    let engine = Engine::start(|request| {
        if request.line.contains("/attach") {
            return Reply::Hijack(Box::new(|mut stream, events| {
                events.wait_for(&format!("POST /containers/{ID}/start"));
                stream.write_all(b"$ ").unwrap();
                let mut typed = Vec::new();
                let mut byte = [0];
                while stream.read(&mut byte).unwrap() == 1 {
                    typed.push(byte[0]);
                    events.add(&format!("typed {typed:?}"));
                }
                events.add("hung up");
            }));
        }
        if request.line.contains("/wait") {
            return Reply::After("never", String::new());
        }
        if request.line.starts_with("POST /containers/create") {
            assert!(
                request.body.contains(r#""ConsoleSize":[33,99]"#),
                "{}",
                request.body
            );
        }
        usual(request).unwrap()
    });
    let mut child = engine
        .command(&["run", "-it", "img", "sh"])
        .stdin(slave.try_clone().unwrap())
        .stdout(slave.try_clone().unwrap())
        .stderr(slave.try_clone().unwrap())
        .spawn()
        .unwrap();
    let mut master = File::from(master);
    let mut prompt = [0; 2];
    master.read_exact(&mut prompt).unwrap();
    assert_eq!(&prompt, b"$ ");
    engine
        .events
        .wait_for(&format!("POST /containers/{ID}/resize?h=33&w=99"));
    let raw = tcgetattr(&slave).unwrap();
    assert!(
        !raw.local_modes
            .intersects(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    );

    // Ctrl-C is a key like others; Ctrl-P alone is held back until the next key.
    master.write_all(b"a\x03\x10b").unwrap();
    engine.events.wait_for("typed [97, 3, 16, 98]");
    master.write_all(b"\x10\x11").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    engine.events.wait_for("hung up");
    let after = tcgetattr(&slave).unwrap();
    assert_eq!(after.local_modes, before.local_modes);
    assert_eq!(after.input_modes, before.input_modes);
}
