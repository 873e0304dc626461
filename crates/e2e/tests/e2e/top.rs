//! `top`: the container's processes and no others.

use crate::{BB, corten_only, engine, idle, pid_of};

#[test]
fn the_processes_of_the_container_alone() {
    let engine = engine();
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "box",
        BB,
        "sh",
        "-c",
        "sleep 12345 & sleep 12346 & wait",
    ]);
    idle(&engine, "other", &[]);
    corten_testkit::until("all are there", crate::SOON, || {
        engine.ok(&["top", "box"]).lines().count() == 4
    });
    let table = engine.ok(&["top", "box"]);
    let words = |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    let mut lines = table.lines();
    assert_eq!(
        words(lines.next().unwrap()),
        ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    );
    let first = words(lines.next().unwrap());
    assert_eq!(
        (first[0].as_str(), &first[1]),
        ("root", &pid_of(&engine, "box").to_string())
    );
    assert!(
        table.contains("sleep 12345") && table.contains("sleep 12346"),
        "{table}"
    );
    let exec = engine.spawn(&["exec", "box", "sleep", "23456"]);
    corten_testkit::until("the exec is there", crate::SOON, || {
        engine.ok(&["top", "box", "aux"]).contains("sleep 23456")
    });
    drop(exec);
    let aux = engine.ok(&["container", "top", "box", "aux"]);
    assert_eq!(
        words(aux.lines().next().unwrap()),
        [
            "USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START", "TIME", "COMMAND"
        ]
    );
    let chosen = engine.ok(&["top", "box", "-eo", "pid,comm"]);
    assert_eq!(words(chosen.lines().next().unwrap()), ["PID", "COMMAND"]);
    assert!(
        chosen.lines().skip(1).all(|line| words(line).len() == 2),
        "{chosen}"
    );
}

#[test]
fn the_same_as_the_hosts_ps() {
    corten_only!();
    let engine = engine();
    idle(&engine, "box", &["-u", "65534:65534"]);
    let pid = pid_of(&engine, "box").to_string();
    let columns = "pid,ppid,pgid,sid,user,uid,gid,group,tty,stat,s,vsz,rss,ni,pri,nlwp,comm,stime,args";
    let own: Vec<String> = engine
        .ok(&["top", "box", "-o", columns])
        .lines()
        .find(|line| line.split_whitespace().next() == Some(&pid))
        .unwrap()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let Ok(ps) = std::process::Command::new("ps")
        .args(["-o", columns, "-q", &pid])
        .output()
    else {
        return;
    };
    let text = String::from_utf8(ps.stdout).unwrap();
    let theirs: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(own, theirs);
}

#[test]
fn what_cannot_be_shown() {
    let engine = engine();
    let id = engine.ok(&["create", "--name", "box", BB, "sleep", "1000"]);
    let done = engine.run(&["top", "box"]);
    done.fails(1);
    done.says(&[&format!("ontainer {id} is not running")]);
    assert_eq!(engine.api("GET", "/containers/box/top", "").status, 409);
    engine.ok(&["start", "box"]);
    let done = engine.run(&["top", "box", "-o", "comm"]);
    done.fails(1);
    done.says(&["Couldn't find PID field in ps output"]);
    let done = engine.run(&["top", "box", "-eo", "pid,comm=PID"]);
    done.fails(1);
    let answer = engine.api("GET", "/containers/box/top?ps_args=-o%20pid,args", "");
    let json: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!(json["Titles"], serde_json::json!(["PID", "COMMAND"]));
    assert_eq!(json["Processes"][0][1], "sleep 1000");
}
