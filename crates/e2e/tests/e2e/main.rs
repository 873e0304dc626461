//! End-to-end tests: engines and command lines as a user has them, real processes, real images.
//!
//! One program with a module per matter. Each test has an engine of its own, so tests run in parallel and a broken one
//! spoils no other. Most can be pointed at a reference engine or at the real docker command line (see
//! [`corten_testkit::Engine`]): where the reference, an older release, uses other words, both are named.
#![allow(clippy::unwrap_used, reason = "all of it is tests, helpers included")]

mod activation;
mod api;
mod applications;
mod bad_images;
mod bad_input;
mod bad_networks;
mod bad_places;
mod bollard_client;
mod cgroup_v2;
mod cleanliness;
mod clients;
mod commit;
mod cp;
mod debian_kernel;
mod df;
mod diff;
mod endpoints;
mod errors;
mod escapes;
mod events;
mod exec;
mod export;
mod faults;
mod formats;
mod full_disk;
mod health;
mod host_firewall;
mod images;
mod init;
mod inspect;
mod install;
mod isolation;
mod limits;
mod links;
mod listing;
mod log_drivers;
mod logs;
mod network;
mod networks_killed;
mod own_host;
mod own_networks;
mod pause;
mod prune;
mod races;
mod real_images;
mod reload;
mod remote;
mod republish;
mod restart_policy;
mod run;
mod same_requests;
mod save;
mod settings;
mod several_networks;
mod signals;
mod stats;
mod streams;
mod survival;
mod tls;
mod top;
mod update;
mod uploads;
mod volume_archive;
mod volume_mounts;
mod volume_plugins;
mod volumes;
mod websocket;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use corten_testkit::{Engine, fixtures};
use serde_json::Value;

/// The image most tests run.
const BB: &str = fixtures::BUSYBOX;

/// How long anything may take that should take no time.
const SOON: Duration = Duration::from_secs(30);

/// An engine that has the busybox image.
fn engine() -> Engine {
    let engine = Engine::start();
    engine.load(&fixtures::busybox());
    engine
}

/// Leaves a test that makes no sense against the reference engine.
macro_rules! corten_only {
    () => {
        if corten_testkit::Engine::is_reference() {
            eprintln!("about Corten alone: skipped against the reference engine");
            return;
        }
    };
}
use corten_only;

/// Ends a test about words that only Corten's own command line has.
macro_rules! own_words_only {
    () => {
        crate::corten_only!();
        if crate::through_docker() {
            eprintln!("about Corten's own command line: skipped through docker's");
            return;
        }
    };
}
use own_words_only;

/// Ends a test that compares with docker's command line where that is older than what it compares with.
macro_rules! new_docker_only {
    () => {
        if !crate::is_docker_new() {
            eprintln!("the docker command line here is older than 28: skipped");
            return;
        }
    };
}
use new_docker_only;

/// Whether commands go through docker's command line.
fn through_docker() -> bool {
    std::env::var("CORTEN_E2E_CLI").as_deref() == Ok("docker")
}

fn is_docker_new() -> bool {
    let version = corten_testkit::run(
        std::process::Command::new(corten_testkit::docker_program())
            .args(["version", "--format", "{{.Client.Version}}"])
            .env("DOCKER_HOST", "unix:///nowhere"),
        SOON,
    );
    let major = version.out().split('.').next().map(str::to_owned);
    major.is_some_and(|major| major.trim().parse::<u32>().is_ok_and(|major| major >= 28))
}

/// What `inspect` says of one object.
#[track_caller]
fn inspect(engine: &Engine, name: &str) -> Value {
    let text = engine.ok(&["inspect", name]);
    let all: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"));
    all[0].clone()
}

/// Waits until a container is in this state.
#[track_caller]
fn wait_for_state(engine: &Engine, name: &str, wanted: &str) {
    corten_testkit::until(&format!("{name} is {wanted}"), SOON, || {
        inspect(engine, name)["State"]["Status"] == wanted
    });
}

/// Process id of a container's first process.
#[track_caller]
fn pid_of(engine: &Engine, name: &str) -> u32 {
    let pid = inspect(engine, name)["State"]["Pid"].as_u64().unwrap();
    assert_ne!(pid, 0, "{name} does not run");
    u32::try_from(pid).unwrap()
}

/// Kills a process as if it had crashed: no engine is asked.
fn end_process(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    // It may have ended by itself.
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

/// This moment as `--since` and `--until` take it. Spans of time, as in `--until 0s`, command lines round down to whole seconds: what
/// happened in the running one is not told.
fn now() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!("{}.{:09}", now.as_secs(), now.subsec_nanos())
}

/// Starts a container that does nothing until it is told to end; gives its full id.
#[track_caller]
fn idle(engine: &Engine, name: &str, flags: &[&str]) -> String {
    let mut args = vec!["run", "-d", "--name", name];
    args.extend(flags);
    args.extend([
        BB,
        "sh",
        "-c",
        "trap 'exit 0' TERM INT; while :; do sleep 0.1; done",
    ]);
    engine.ok(&args)
}
