//! Asks a name server as fast as it answers: `xtask lookups`, which `bench` runs in the network namespaces of containers.

use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

/// The name server of containers on networks of users.
const SERVER: &str = "127.0.0.11:53";
/// Sockets that ask at the same time, each one query after another.
const ASKERS: usize = 2;
/// An answer that takes longer has been lost.
const LOST: Duration = Duration::from_secs(2);

/// The command line that asks for `name`.
pub(super) fn command(name: &str, seconds: &str) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|error| panic!("who am I: {error}"));
    let mut command = Command::new(program);
    command.args(["lookups", name, seconds]);
    command
}

/// What [`ask`] has printed: answers per second, and how long all but one of a hundred took at most.
pub(super) fn told(text: &str) -> (f64, Duration) {
    let numbers: Vec<f64> = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    match numbers[..] {
        [rate, slowest] => (rate, Duration::from_secs_f64(slowest)),
        _ => panic!("not what lookups prints: {text:?}"),
    }
}

/// Asks for `name` and prints answers per second, and in how many seconds 99 of 100 came.
///
/// # Errors
/// When an answer does not come, or is none.
pub(crate) fn ask(name: &str, seconds: &str) -> Result<(), String> {
    let length = seconds
        .parse()
        .map(Duration::from_secs)
        .map_err(|error| format!("{seconds} is no number of seconds: {error}"))?;
    let begin = Instant::now();
    let all: Vec<_> = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..ASKERS)
            .map(|_| scope.spawn(|| ask_on_one_socket(name, length)))
            .collect();
        askers.into_iter().map(|asker| asker.join()).collect()
    });
    let took = begin.elapsed();
    let mut times = Vec::new();
    for asked in all {
        times.extend(asked.map_err(|_| "an asker failed".to_owned())??);
    }
    times.sort_unstable();
    let slowest = times
        .get(times.len() * 99 / 100)
        .ok_or("no answer has come at all")?;
    println!(
        "{} {}",
        times.len() as f64 / took.as_secs_f64(),
        slowest.as_secs_f64()
    );
    Ok(())
}

fn ask_on_one_socket(name: &str, length: Duration) -> Result<Vec<Duration>, String> {
    let failed = |error: std::io::Error| format!("asking {SERVER}: {error}");
    let socket = UdpSocket::bind("127.0.0.1:0").map_err(failed)?;
    socket.connect(SERVER).map_err(failed)?;
    socket.set_read_timeout(Some(LOST)).map_err(failed)?;
    let mut times = Vec::new();
    let mut answer = [0; 512];
    let begin = Instant::now();
    while begin.elapsed() < length {
        let id = (times.len() % 0xffff) as u16;
        let asked = Instant::now();
        socket.send(&query(id, name)).map_err(failed)?;
        let count = socket.recv(&mut answer).map_err(failed)?;
        times.push(asked.elapsed());
        let [first, second, _, flags, _, _, _, answers, ..] = answer;
        if count < 12 || [first, second] != id.to_be_bytes() || flags & 0xf != 0 || answers == 0 {
            return Err(format!("not an answer: {:?}", &answer[..count]));
        }
    }
    Ok(times)
}

/// A query for the IPv4 address of a name of one label (RFC 1035, section 4).
fn query(id: u16, name: &str) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    // Recursion desired; one question.
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    message.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    message.extend(name.as_bytes());
    message.extend([0, 0, 1, 0, 1]);
    message
}
