//! The same words make the same requests: Corten's command line beside the real docker (28 or later), flag by flag, against an
//! engine of paper. Exit code, both outputs and every request, query and body alike, must be equal, also for values that
//! are refused.
//!
//! The words are in `same_requests/*.txt`: one command line each. `~` before one tells that Corten says it does not have
//! that yet; then only the refusal is demanded.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use corten_testkit::{Recorded, Recorder, Slot, binary, docker_program, run};
use serde_json::Value;

use crate::{SOON, new_docker_only};

/// Command lines asked at a time.
const AT_ONCE: usize = 4;
/// Flags that only Corten has, by verb.
const OF_OUR_OWN: [(&str, &str); 4] = [
    ("update", "publish-add"),
    ("update", "publish-rm"),
    ("container update", "publish-add"),
    ("container update", "publish-rm"),
];
const NOT_YET: &str = "not supported by Corten yet";

#[test]
fn creating() {
    compare(include_str!("same_requests/create.txt"));
}

#[test]
fn creating_from_odd_values() {
    compare(include_str!("same_requests/refused.txt"));
}

#[test]
fn all_other_verbs() {
    compare(include_str!("same_requests/others.txt"));
}

/// Every flag docker's help shows is in Corten's, with the same letter, kind of value and default. Words may differ.
#[test]
fn help_has_all_flags() {
    new_docker_only!();
    // An engine without a swarm, on Linux: docker's help keeps quiet about what others have.
    let slot = Slot::take();
    std::fs::create_dir_all(slot.root()).unwrap();
    let recorder = Recorder::start(&slot.root().join("help.sock"));
    let engine = format!("unix://{}", recorder.socket().display());
    let mut differences = Vec::new();
    for verb in include_str!("same_requests/verbs.txt").lines() {
        let [ours, theirs] = [binary(), docker_program()].map(|program| {
            let mut command = Command::new(program);
            command
                .args(verb.split(' '))
                .arg("--help")
                .env("COLUMNS", "80")
                .env("DOCKER_HOST", &engine);
            options(&run(&mut command, SOON).ok())
        });
        assert!(
            theirs.len() >= usize::from(verb.starts_with("run")),
            "no flags found for {verb}"
        );
        for (name, theirs) in &theirs {
            match ours.get(name) {
                Some(ours) if ours.text.ends_with("(not supported yet)") => {}
                Some(ours)
                    if (ours.letter, &ours.kind, ours.default())
                        == (theirs.letter, &theirs.kind, theirs.default()) => {}
                ours => differences.push(format!("{verb} --{name}: {ours:?}, not {theirs:?}")),
            }
        }
        let more = ours
            .keys()
            .filter(|name| !theirs.contains_key(*name) && !OF_OUR_OWN.contains(&(verb, name)));
        differences.extend(more.map(|name| format!("{verb} --{name} is not docker's")));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// What help says of a flag.
#[derive(Debug, Default)]
struct Described {
    letter: Option<char>,
    kind: String,
    text: String,
}

impl Described {
    fn default(&self) -> Option<&str> {
        self.text.rsplit_once("(default ")?.1.strip_suffix(')')
    }
}

fn options(help: &str) -> BTreeMap<String, Described> {
    let mut found: BTreeMap<String, Described> = BTreeMap::new();
    let mut last = String::new();
    for line in help.lines().skip_while(|line| *line != "Options:").skip(1) {
        let Some(at) = line.get(..8).filter(|head| head.ends_with("--")).map(|_| 8) else {
            // A flag's text goes on.
            if let Some(flag) = found.get_mut(&last) {
                flag.text = format!("{} {}", flag.text, line.trim()).trim().to_owned();
            }
            continue;
        };
        let (head, text) = line[at..].split_once("  ").unwrap_or((&line[at..], ""));
        let (name, kind) = head.split_once(' ').unwrap_or((head, ""));
        last = name.to_owned();
        found.insert(
            name.to_owned(),
            Described {
                letter: line
                    .trim_start()
                    .strip_prefix('-')
                    .and_then(|rest| rest.chars().next())
                    .filter(|c| *c != '-'),
                kind: kind.to_owned(),
                text: text.trim().to_owned(),
            },
        );
    }
    found
}

/// What a command line did.
#[derive(Debug, PartialEq)]
struct Deed {
    code: i32,
    stdout: String,
    stderr: String,
    requests: Vec<String>,
}

fn compare(lines: &str) {
    new_docker_only!();
    let slot = Slot::take();
    let directory = slot.root().join("words");
    std::fs::create_dir_all(&directory).unwrap();
    for (name, text) in [
        ("env", "A=1\n# no\n\nB\nHOME\n C=x y\n"),
        ("bad-env", "A B=1\n"),
        ("labels", "a=b\nc\n"),
        ("seccomp.json", "{ \"defaultAction\": \"SCMP_ACT_ALLOW\" }\n"),
        ("broken.json", "{ \"defaultAction\": \n"),
        ("archive.tar", "no archive at all"),
        ("broken/config.json", "{\"detachKeys\": "),
        (
            "odd/config.json",
            "{\"detachKeys\": 7, \"psFormat\": \"{{.ID}}\"}",
        ),
        ("more/config.json", "{\"psFormat\": \"{{.ID}}\"} and so on"),
        ("empty/config.json", "\n"),
        ("folder/config.json/x", ""),
    ] {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    // Under this name Corten calls itself docker.
    let links = slot.root().join("bin");
    std::fs::create_dir_all(&links).unwrap();
    std::os::unix::fs::symlink(binary(), links.join("docker")).unwrap();
    let programs = [links.join("docker"), docker_program()];

    let lines: Vec<&str> = lines
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let next = Mutex::new(lines.iter());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for worker in 0..AT_ONCE {
            let (slot, directory, programs, next, failures) =
                (&slot, &directory, &programs, &next, &failures);
            scope.spawn(move || {
                let recorder = Recorder::start(&slot.root().join(format!("{worker}.sock")));
                loop {
                    let Some(line) = next.lock().unwrap().next() else {
                        return;
                    };
                    let [ours, theirs] = programs
                        .each_ref()
                        .map(|program| deed(program, line.trim_start_matches('~'), &recorder, directory));
                    if let Some(difference) = judge(line, &ours, &theirs) {
                        failures.lock().unwrap().push(difference);
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(
        failures.is_empty(),
        "{} of {} differ:\n{}",
        failures.len(),
        lines.len(),
        failures.join("\n")
    );
}

fn deed(program: &Path, line: &str, recorder: &Recorder, directory: &Path) -> Deed {
    recorder.take();
    let mut command = Command::new(program);
    command
        .args(corten_testkit::words(line))
        .current_dir(directory)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/root")
        .env("DOCKER_HOST", format!("unix://{}", recorder.socket().display()))
        .env("DOCKER_CONFIG", directory)
        .env("DOCKER_CLI_HINTS", "false");
    let done = run(&mut command, SOON);
    let mut requests: Vec<String> = recorder
        .take()
        .into_iter()
        .filter(|request| counts(line, request))
        .map(comparable)
        .collect();
    // Several objects are asked for at the same time.
    requests.sort();
    Deed {
        code: done.code(),
        stdout: done.out(),
        // A slip of docker 28.2's own.
        stderr: without_time(&done.err().replace("\nSRun '", "\nRun '")),
        requests,
    }
}

/// What a logger said, without its `time="…"`.
fn without_time(text: &str) -> String {
    match text
        .split_once("time=\"")
        .and_then(|(head, rest)| Some((head, rest.split_once('"')?.1)))
    {
        Some((head, tail)) => format!("{head}{tail}"),
        None => text.to_owned(),
    }
}

/// Whether a request belongs to what the user wanted. Which questions that change nothing either side asks beforehand is its own matter.
fn counts(line: &str, request: &Recorded) -> bool {
    let is_list = matches!(request.line.as_str(), "GET /containers/json" | "GET /images/json");
    let is_question = request.line.ends_with("/json") || request.line == "GET /info";
    // Docker waits for detached containers, too, and never looks at the answer.
    let is_idle_wait = line.contains("run ") && request.line.ends_with("/wait");
    (is_list || !request.line.starts_with("GET ") || !is_question) && !is_idle_wait
}

/// A request as text: its line, its query, and a line for each value of its body.
fn comparable(mut request: Recorded) -> String {
    let exact = request.line == "POST /containers/create";
    // Docker sends these in the order of a hash table.
    for list in ["/HostConfig/Binds", "/Env", "/IPAM/Config"] {
        if let Some(values) = request.body.pointer_mut(list).and_then(Value::as_array_mut) {
            values.sort_by_key(ToString::to_string);
        }
    }
    let query: Vec<String> = request
        .query
        .iter()
        .filter(|part| !part.is_empty() && !part.ends_with('=') && *part != "condition=not-running")
        .map(|part| part.replace('+', "%20"))
        .collect();
    let mut text = format!("{} {query:?}", request.line);
    flatten(&request.body, "", exact, &mut text);
    text
}

/// Where only what a body says counts (not `exact`), empty values, which Go reads as absent ones, are left out.
fn flatten(value: &Value, path: &str, exact: bool, text: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                flatten(value, &format!("{path}.{key}"), exact, text);
            }
        }
        Value::Array(values) if !values.is_empty() => {
            for (at, value) in values.iter().enumerate() {
                flatten(value, &format!("{path}[{at}]"), exact, text);
            }
        }
        Value::Null | Value::Bool(false) | Value::Object(_) | Value::Array(_) if !exact => {}
        Value::String(empty) if !exact && empty.is_empty() => {}
        Value::Number(zero) if !exact && zero.as_i64() == Some(0) => {}
        value => *text += &format!("\n{path} = {value}"),
    }
}

fn judge(line: &str, ours: &Deed, theirs: &Deed) -> Option<String> {
    if line.starts_with('~') {
        let refused = ours.stderr.contains(NOT_YET) && ours.code != 0 && ours.requests.is_empty();
        return (!refused).then(|| format!("{line}\n  is not refused as not there yet: {ours:?}"));
    }
    if ours == theirs {
        return None;
    }
    let mut difference = line.to_owned();
    for (what, ours, theirs) in [
        ("code", ours.code.to_string(), theirs.code.to_string()),
        ("stdout", ours.stdout.clone(), theirs.stdout.clone()),
        ("stderr", ours.stderr.clone(), theirs.stderr.clone()),
    ] {
        if ours != theirs {
            difference += &format!("\n  {what}: {ours:?}\n     not: {theirs:?}");
        }
    }
    if ours.requests.is_empty() != theirs.requests.is_empty() {
        let asks = |requests: &[String]| {
            if requests.is_empty() {
                "nothing"
            } else {
                "something"
            }
        };
        difference += &format!(
            "\n  asks: {}, not {}",
            asks(&ours.requests),
            asks(&theirs.requests)
        );
    } else if ours.requests != theirs.requests {
        let missing_from = |a: &[String], b: &[String]| -> Vec<String> {
            let (a, b) = (a.join("\n"), b.join("\n"));
            a.lines()
                .filter(|line| !b.lines().any(|other| other == *line))
                .map(str::to_owned)
                .collect()
        };
        difference += &format!(
            "\n  asks: {:?}\n   not: {:?}",
            missing_from(&ours.requests, &theirs.requests),
            missing_from(&theirs.requests, &ours.requests)
        );
    }
    Some(difference)
}
