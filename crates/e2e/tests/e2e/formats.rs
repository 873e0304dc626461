//! `--format`: what Corten's command line makes of templates is, letter for letter, what Docker's makes of them.

use std::os::unix::process::CommandExt;
use std::time::Duration;

use corten_testkit::{Engine, Finished, run};

use crate::{corten_only, new_docker_only};

/// Command lines both must answer alike: output, complaints, exit code.
static COMMANDS: &[&[&str]] = &[
    &["inspect", "-f", "{{.State}}", "web"],
    &["inspect", "-f", "{{.Foo}}", "web"],
    &["inspect", "-f", "{{.State.Foo}}", "web", "nothere"],
    &["inspect", "-f", "{{.X", "web"],
    &["inspect", "-f", "{{foo}}", "web"],
    &["inspect", "-f", "{{range .Mounts}}{{.}}{{end}}", "web"],
    &["inspect", "-f", "{{range .Mounts}}{{.Destination}}{{end}}", "web"],
    &[
        "inspect",
        "-f",
        "{{.Mounts}}|{{.HostConfig.PortBindings}}|{{.NetworkSettings.Ports}}|{{.Config.Labels}}|{{.HostConfig.RestartPolicy}}",
        "web",
    ],
    &["inspect", "-f", "{{.Config}}", "web"],
    &["inspect", "-f", "{{json .State}}", "web"],
    &["inspect", "-f", "{{json .NetworkSettings}}", "web"],
    &["inspect", "-f", "{{json .HostConfig}}", "web"],
    &["inspect", "-f", "{{json .Config}}", "web"],
    &["inspect", "-f", "json", "web", "hi"],
    &["inspect", "-f", "json", "nothere"],
    &["inspect", "nothere"],
    &["inspect", "--type", "image", "nothere"],
    &["container", "inspect", "nothere"],
    &["image", "inspect", "nothere", "web"],
    &["volume", "inspect", "nothere", "vol"],
    &["network", "inspect", "nothere", "bridge"],
    &["inspect", "-f", "{{.Name}}", "web", "nothere", "hello-world"],
    &["inspect", "-f", "{{.Id}}{{.ID}}", "whoami:latest"],
    &[
        "inspect",
        "-f",
        "{{.State.Health}}{{if .State.Health}}x{{else}}y{{end}}",
        "web",
    ],
    &["inspect", "-f", "{{.State.Health.Status}}", "web"],
    &["inspect", "-f", "{{.SizeRw}}", "web"],
    &["inspect", "-s", "-f", "{{.SizeRw}}", "web"],
    &["inspect", "-s", "-f", "{{.SizeRw}}", "--type", "image", "whoami"],
    &["inspect", "-f", "{{.GraphDriver}} {{.LogPath}}", "web"],
    &["inspect", "--type", "foo", "web"],
    &["inspect", "-f", "{{.}}", "bridge"],
    &["inspect", "-f", "{{.}}", "vol"],
    &[
        "inspect",
        "-f",
        "{{.Config.Env}} {{.Config.Cmd}} {{.RootFS}} {{.Size}} {{.Metadata}}",
        "whoami:latest",
    ],
    &[
        "inspect",
        "-f",
        "{{index .Config.Labels \"a\"}} {{index .Config.Labels \"none\"}}|{{.Config.Labels.none}}",
        "web",
    ],
    &[
        "inspect",
        "-f",
        "{{(index .NetworkSettings.Ports \"80/tcp\")}} {{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}",
        "web",
    ],
    &[
        "inspect",
        "-f",
        "{{index .NetworkSettings.Ports \"81/tcp\"}}",
        "web",
    ],
    &[
        "inspect",
        "-f",
        "{{range $p, $c := .NetworkSettings.Ports}}{{$p}} -> {{(index $c 0).HostPort}}{{end}}",
        "web",
    ],
    &[
        "inspect",
        "-f",
        "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
        "web",
    ],
    &[
        "inspect",
        "-f",
        "{{with .State}}{{.Pid}} {{.Running}}{{end}}",
        "web",
    ],
    &[
        "inspect",
        "-f",
        "{{.NetworkSettings.IPAddress}} {{.HostConfig.Memory}} {{.HostConfig.NetworkMode}} {{.HostConfig.PidsLimit}} {{.HostConfig.Init}}",
        "web",
    ],
    &[
        "inspect",
        "-f",
        "{{.HostConfig.NetworkMode | upper}} {{.Config.Image | title}}",
        "web",
    ],
    &["inspect", "-f", "{{join .Config.Env \", \"}}", "web"],
    &[
        "inspect",
        "-f",
        "{{join .Args \",\"}}|{{len .Mounts}}|{{slice .Id 0 12}}",
        "web",
    ],
    &[
        "inspect",
        "-f",
        "{{if eq .State.Status \"running\"}}up{{end}} {{eq .State.Pid 0}}",
        "web",
    ],
    &[
        "inspect",
        "-f",
        "{{println .Name}}{{printf \"%-10s|%5d|%v|%q\" .Name .RestartCount .Args .Path}}",
        "web",
    ],
    &[
        "inspect",
        "-f",
        "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}}{{\"\\n\"}}{{end}}",
        "web",
    ],
    &["inspect", "-f", "{{.Created}} {{.Created}}", "bridge"],
    &[
        "inspect",
        "-f",
        "{{.IPAM.Config}} {{.Options}} {{.Containers}} {{range .IPAM.Config}}{{.Gateway}}{{end}}",
        "bridge",
    ],
    &[
        "inspect",
        "-f",
        "{{define \"x\"}}<{{.}}>{{end}}{{template \"x\" .Name}}",
        "web",
    ],
    &["inspect", "-f", "{{.Name}}\\t{{.Id}}\\n", "web"],
    &["inspect", "-f", "{{template \"y\"}}", "web"],
    &["inspect", "-f", "{{.State.Pid.Foo}}", "web"],
    &["inspect", "-f", "{{index .Mounts 5}}", "web"],
    &["inspect", "-f", "{{range .Mounts}}{{.Nope}}{{end}}", "web"],
    &["inspect", "-f", "{{lower .State.Pid}}", "web"],
    &["inspect", "-f", "{{len .State.Pid}}", "web"],
    &["inspect", "-f", "json ", "web"],
    &["inspect", "--format=", "web"],
    &["inspect"],
    &["inspect", "-f"],
    &["inspect", "--foo", "x"],
    &["inspect", "-z", "x"],
    &["ps", "--format", "{{.Foo}}"],
    &["ps", "--format", "table {{.Foo}}\\t{{.ID}}"],
    &["ps", "--format", "{{.X"],
    &["ps", "--format", "table {{.ID}}\\t{{.Names}}\\t{{.Label \"a\"}}"],
    &["ps", "--format", "{{.Label \"a\"}} {{.Labels}}"],
    &[
        "ps",
        "--format",
        "table {{upper .Names}}\\t{{.Label \"com.x.y\"}}\\t{{json .ID}}\\t{{truncate .Image 2}}\\t{{pad .State 3 3}}",
    ],
    &[
        "ps",
        "-a",
        "--format",
        "table {{.Names}}\\t{{.Image}}\\t{{.Size}}",
    ],
    &["ps", "-q", "--format", "{{.Names}}"],
    &["ps", "-q", "--format", "table {{.Names}}"],
    &["ps", "-q", "--format", "table"],
    &["ps", "--format", "tablex {{.ID}}"],
    &["ps", "--format", "table{{.ID}}"],
    &[
        "ps",
        "--format",
        "{{split .Image \"a\"}} {{join (split .Names \"e\") \"-\"}} {{title .State}}",
    ],
    &[
        "ps",
        "--format",
        "{{len .Names}}{{if eq .State \"running\"}}!{{end}}",
    ],
    &["ps", "--format", "{{.ID | printf \"%.3s\"}}"],
    &["ps", "--format", "{{index .Labels 1}}"],
    &["ps", "--format", ""],
    &[
        "ps",
        "--filter",
        "name=nothere",
        "--format",
        "table {{.ID}}\\t{{.Foo}}",
    ],
    &["ps", "--filter", "name=nothere", "--format", "table {{.ID}}"],
    &["ps", "--filter", "foo=bar"],
    &["ps", "--filter", "foo"],
    &["images"],
    &["images", "--format", "raw"],
    &["images", "-q"],
    &["images", "-q", "--no-trunc"],
    &["images", "--format", "{{json .}}"],
    &["images", "--format", "{{.Foo}}"],
    &["images", "--format", "{{.X"],
    &[
        "images",
        "--format",
        "table {{.Repository}}:{{.Tag}}\\t{{.Digest}}",
    ],
    &["images", "--format", "table {{.ID}}\\t{{.Repository | upper}}"],
    &["images", "-q", "--format", "{{.Repository}}"],
    &["images", "--digests"],
    &["images", "whoami"],
    &["images", "nothere"],
    &["volume", "ls"],
    &["volume", "ls", "-q"],
    &["volume", "ls", "--format", "json"],
    &["volume", "ls", "--format", "raw"],
    &["volume", "ls", "--format", "{{.Foo}} {{.Label \"a\"}}"],
    &["volume", "ls", "--format", "{{.Name}} [{{.Label \"a\"}}]"],
    &["volume", "ls", "-q", "--format", "{{.Name}}!"],
    &["volume", "ls", "--format", "table {{.Name}}\\t{{.Driver}}"],
    &["network", "ls"],
    &["network", "ls", "-q"],
    &["network", "ls", "--format", "json"],
    &["network", "ls", "--format", "raw"],
    &["ps", "-aq", "--format", "raw"],
    &["images", "-q", "--format", "raw"],
    &["volume", "ls", "-q", "--format", "raw"],
    &["network", "ls", "-q", "--format", "raw"],
    &["plugin", "ls", "-q", "--format", "raw"],
    &["history", "--format", "raw", "whoami"],
    &["system", "df", "--format", "raw"],
    &["system", "df", "-v", "--format", "raw"],
    &["network", "ls", "--format", "{{.Foo}}"],
    &[
        "network",
        "ls",
        "--no-trunc",
        "--format",
        "table {{.ID}}\\t{{.Internal}}",
    ],
    &["network", "ls", "-q", "--format", "{{.Name}}"],
    &["version", "--format", "{{.Server.Version}}"],
    &["version", "--format", "{{.Server}}"],
    &["version", "--format", "{{.Foo}}"],
    &["version", "--format", "{{.X"],
    &["info", "--format", "{{.Foo}}"],
    &["info", "--format", "{{.X"],
    &[
        "info",
        "--format",
        "{{.Driver}} {{.ServerVersion}} {{.Swarm}} {{.ClientInfo.Debug}} {{.Plugins}} {{.DriverStatus}} {{.MemTotal}}",
    ],
    &["history", "whoami"],
    &["history", "--format", "json", "whoami"],
    &["history", "--format", "{{.Foo}}", "whoami"],
    &["history", "-q", "--no-trunc", "whoami"],
    &["history", "-q", "whoami"],
    &["history", "--no-trunc", "whoami"],
    &["history", "-H=false", "whoami"],
    &[
        "history",
        "--format",
        "table {{.CreatedBy}}\\t{{.Size}}",
        "whoami",
    ],
    &["history", "nothere"],
    &["history"],
    &["image", "history", "hello-world"],
    &[
        "events", "--until", "1s", "--since", "10m", "--format", "{{.Foo}}",
    ],
    &[
        "events",
        "--until",
        "0s",
        "--since",
        "10m",
        "--format",
        "{{.Status}} {{.Actor}} {{.ID}} {{.Actor.Attributes.name}} {{.Time}}",
    ],
    &[
        "events",
        "--until",
        "0s",
        "--since",
        "10m",
        "--format",
        "{{json .}}",
    ],
    &["events", "--until", "0s", "--since", "10m", "--format", "json"],
    &[
        "events",
        "--until",
        "0s",
        "--since",
        "10m",
        "--format",
        "table {{.ID}}",
    ],
    &["events", "--until", "0s", "--format", "{{.X"],
    &["ps", "-a", "--format", "raw"],
    &["ps", "-as", "--format", "raw"],
    &["images", "--format", "raw"],
    &["images", "--digests", "--format", "raw"],
    &["volume", "ls", "--format", "raw"],
    &["network", "ls", "--format", "raw"],
    &["system", "df", "--format", "{{.Type}} {{.Bogus}}"],
    &["system", "df", "-v", "--format", "{{.Bogus}}"],
    &[
        "system",
        "df",
        "-v",
        "--format",
        "{{range .Containers}}{{.Bogus}}{{end}}",
    ],
    &[
        "system",
        "df",
        "-v",
        "--format",
        "{{range .Containers}}{{.Names}} {{.Label \"a\"}}{{end}}",
    ],
    &[
        "system",
        "df",
        "-v",
        "--format",
        "{{range .Volumes}}{{.Name}} {{.Links}}{{end}}",
    ],
    &["system", "df", "-v", "--format", "json"],
    &["stats", "--no-stream", "nobody", "neither"],
    &["stop", ""],
    &["port", ""],
    &["inspect", ""],
    &["volume", "rm", ""],
    &["volume", "inspect", ""],
    &["network", "rm", ""],
    &["network", "inspect", ""],
];

#[test]
fn templates_are_dockers() {
    corten_only!();
    new_docker_only!();
    let engine = Engine::start();
    engine.ok(&["pull", "whoami"]);
    engine.ok(&["pull", "hello-world"]);
    engine.ok(&["volume", "create", "vol"]);
    let publish = format!("127.0.0.1:{}:80", engine.slot().port(0));
    engine.ok(&[
        "run",
        "-d",
        "--name",
        "web",
        "-p",
        &publish,
        "-l",
        "a=b",
        "-l",
        "com.x.y=z",
        "-v",
        "vol:/data",
        "-e",
        "A=1",
        "whoami",
    ]);
    engine.ok(&["run", "--name", "hi", "hello-world"]);
    let daemon = engine.corten();
    let mut differ = String::new();
    let said = |finished: &Finished| (finished.out(), finished.err(), finished.code());
    let both = |args: &[&str]| {
        let reference = daemon.docker(args);
        let mut own = daemon.corten_command(args);
        // The name it has when it stands in for Docker.
        own.arg0("docker");
        (said(&reference), said(&run(&mut own, Duration::from_secs(60))))
    };
    for args in COMMANDS {
        // A second may pass between the two ("Up 3 seconds"): what differs for a reason differs every time.
        let different = || Some(both(args)).filter(|(reference, own)| reference != own);
        let last = different().and_then(|_| different()).and_then(|_| different());
        if let Some((reference, own)) = last {
            differ.push_str(&format!("docker {args:?}\n  {reference:?}\n  {own:?}\n"));
        }
    }
    assert!(differ.is_empty(), "{differ}");
}
