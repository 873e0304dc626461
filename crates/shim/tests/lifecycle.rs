//! From the order to the end: exit codes, logs, signals, and nothing left behind.

mod harness;

use corten_shim_api::ExitRecord;
use harness::Container;

#[test]
fn output_exit_code_and_log() {
    let mut container = Container::script("echo out; echo err >&2; printf partial; exit 7");
    let received = container.run();
    assert_eq!(received.text(), "out\npartial");
    assert_eq!(received.stderr, b"err\n");
    let exit = received.exit.unwrap();
    assert_eq!((exit.code, exit.oom_killed), (7, false));
    assert_eq!(container.logged("stdout"), "out\npartial");
    assert_eq!(container.logged("stderr"), "err\n");
    let first = container.log().lines().next().unwrap().to_owned();
    assert!(
        first.starts_with(r#"{"log":"out\n","stream":"stdout","time":"20"#),
        "{first}"
    );
    let record = std::fs::read(container.path("run/exit.json")).unwrap();
    assert_eq!(serde_json::from_slice::<ExitRecord>(&record).unwrap(), exit);
    container.assert_gone();
}
