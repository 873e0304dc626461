//! `system df`: what takes how much of the disk, in all forms of its JSON.

use serde_json::Value;

use crate::{BB, corten_only, engine, idle};

#[test]
fn sizes_and_users_are_counted() {
    let engine = engine();
    engine.ok(&[
        "run",
        "--name",
        "box",
        "-v",
        "data:/v",
        BB,
        "sh",
        "-c",
        "head -c 5000 /dev/zero > /v/f; head -c 3000 /dev/zero > /f",
    ]);
    idle(&engine, "up", &[]);
    let table = engine.ok(&["system", "df"]);
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0], ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]);
    assert_eq!(rows[1][..3], ["Images", "1", "1"]);
    assert_eq!(rows[2], ["Containers", "2", "1", "3kB", "3kB", "(100%)"]);
    assert_eq!(rows[3][..5], ["Local", "Volumes", "1", "1", "5kB"]);
    assert_eq!(rows[4], ["Build", "Cache", "0", "0", "0B", "0B"]);
    let json = engine.ok(&["system", "df", "--format", "{{.Type}}:{{.TotalCount}}"]);
    assert_eq!(json, "Images:1\nContainers:2\nLocal Volumes:1\nBuild Cache:0");
    let verbose = engine.ok(&["system", "df", "-v"]);
    for title in [
        "Images space usage:",
        "Containers space usage:",
        "Local Volumes space usage:",
        "Build cache usage: 0B",
    ] {
        assert!(verbose.contains(title), "{verbose}");
    }
    let row = verbose.lines().find(|line| line.starts_with("data ")).unwrap();
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["data", "1", "5kB"]);
}

#[test]
fn the_form_follows_the_version() {
    corten_only!();
    let engine = engine();
    engine.ok(&[
        "run",
        "--name",
        "box",
        "-v",
        "data:/v",
        BB,
        "sh",
        "-c",
        "head -c 5000 /dev/zero > /v/f",
    ]);
    let ask = |path: &str| -> Value {
        let answer = engine.api("GET", path, "");
        assert_eq!(answer.status, 200, "{}", answer.text());
        serde_json::from_str(&answer.text()).unwrap()
    };
    let old = ask("/v1.41/system/df");
    assert!(old["LayersSize"].as_u64().unwrap() > 0);
    assert_eq!(
        (&old["Images"][0]["Containers"], &old["Images"][0]["SharedSize"]),
        (&1.into(), &0.into())
    );
    assert_eq!(
        old["Volumes"][0]["UsageData"],
        serde_json::json!({"RefCount": 1, "Size": 5000})
    );
    assert_eq!(
        (&old["BuildCache"], old.get("ImageUsage")),
        (&serde_json::json!([]), None)
    );
    let some = ask("/v1.45/system/df?type=volume&type=container");
    assert_eq!(
        (&some["Images"], &some["BuildCache"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(some["Containers"].as_array().unwrap().len(), 1);
    let both = ask("/v1.52/system/df");
    assert!(both.get("LayersSize").is_some() && both.get("ImageUsage").is_some());
    let new = ask("/v1.53/system/df");
    assert!(new.get("LayersSize").is_none());
    assert_eq!(
        new["VolumeUsage"],
        serde_json::json!({"ActiveCount": 1, "TotalCount": 1, "TotalSize": 5000})
    );
    assert_eq!(new["ContainerUsage"], serde_json::json!({"TotalCount": 1}));
    let verbose = ask("/v1.53/system/df?verbose=1&type=volume");
    assert_eq!(verbose["VolumeUsage"]["Items"][0]["Name"], "data");
    assert!(verbose.get("ImageUsage").is_none());
    let wrong = engine.api("GET", "/v1.45/system/df?type=frob", "");
    assert_eq!(
        (wrong.status, wrong.text().trim()),
        (400, r#"{"message":"unknown object type: frob"}"#)
    );
}
