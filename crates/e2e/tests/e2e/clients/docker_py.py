#!/usr/bin/python3
"""Drives an engine through Python's `docker` package, as its users do. Arguments: socket, image, archive of another image.
Each step says what it found wrong by failing; the last line is `all well`."""
import io
import sys
import tarfile
import threading
import time

import docker
import docker.errors

socket, image, archive = sys.argv[1:4]
client = docker.DockerClient(base_url=f"unix://{socket}", version="auto", timeout=60)


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def raises(kind, action):
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def has(path, method="GET"):
    """Whether the engine has this route: later releases of it do."""
    answer = client.api.request(method, client.api._url(path), timeout=60)
    return "page not found" not in answer.text


check(client.ping(), "ping")
version = client.version()
check(version["ApiVersion"] >= "1.41" and version["Os"] == "linux", version)
check(client.info()["OSType"] == "linux", "info")

# Images.
loaded = client.images.load(open(archive, "rb"))
check(loaded and loaded[0].tags, loaded)
check(client.images.get(image).attrs["Os"] == "linux", "image")
check(any(image in found.tags for found in client.images.list()), "image list")
raises(docker.errors.ImageNotFound, lambda: client.images.get("nosuch"))
check(client.images.get(image).tag("renamed", "1"), "tag")
client.images.remove("renamed:1")
raises(docker.errors.ImageNotFound, lambda: client.images.get("renamed:1"))
check(client.images.get(image).history(), "history")

# run, in the foreground.
check(client.containers.run(image, "echo out", remove=True) == b"out\n", "run")
both = client.containers.run(image, ["sh", "-c", "echo out; echo err >&2"], remove=True, stderr=True)
check(sorted(both.split()) == [b"err", b"out"], both)
error = raises(docker.errors.ContainerError, lambda: client.containers.run(image, ["sh", "-c", "exit 3"], remove=True))
check(error.exit_status == 3, error)
raises(docker.errors.ImageNotFound, lambda: client.api.create_container("nosuch:1", "true"))
error = raises(docker.errors.APIError, lambda: client.containers.run(image, "nosuch", name="broken"))
check("executable file not found" in str(error), error)
client.containers.get("broken").remove()

# Events, from before the first to after the last.
seen = []
stream = client.events(decode=True, filters={"type": "container"})
threading.Thread(target=lambda: seen.extend(stream), daemon=True).start()
time.sleep(0.2)

# A life.
script = "trap 'exit 7' TERM; echo up; while :; do sleep 0.1; done"
box = client.containers.run(
    image, ["sh", "-c", script], detach=True, name="box", environment={"A": "1"}, labels={"l": "v"},
    volumes={"data": {"bind": "/data", "mode": "rw"}}, mem_limit="64m", hostname="inside", ports={"80/tcp": None},
)
box.reload()
check(box.status == "running" and box.labels == {"l": "v"}, box.attrs)
check(box.attrs["HostConfig"]["Memory"] == 64 << 20, "memory")
check(box.attrs["NetworkSettings"]["Ports"]["80/tcp"], "ports")
check([found.name for found in client.containers.list(filters={"label": "l=v"})] == ["box"], "list")
raises(docker.errors.NotFound, lambda: client.containers.get("nosuch"))
for _ in range(300):
    if box.logs() == b"up\n":
        break
    time.sleep(0.1)
check(box.logs(timestamps=True).endswith(b"Z up\n"), box.logs(timestamps=True))

# exec: collected, streamed, on a terminal, through a socket.
done = box.exec_run("sh -c 'echo $A; hostname; exit 5'")
check((done.exit_code, done.output) == (5, b"1\ninside\n"), done)
done = box.exec_run("sh -c 'echo out; echo err >&2'", demux=True)
check(done.output == (b"out\n", b"err\n"), done)
check(b"".join(box.exec_run("seq 3", stream=True).output) == b"1\n2\n3\n", "stream")
check(box.exec_run("tty", tty=True).output.startswith(b"/dev/pts/"), "tty")
check(box.exec_run("id -u", user="app", workdir="/tmp").output == b"1000\n", "user")
made = client.api.exec_create("box", "cat", stdin=True)["Id"]
connection = client.api.exec_start(made, socket=True)
raw = getattr(connection, "_sock", connection)
raw.sendall(b"to and fro\n")
got = b""
while b"to and fro\n" not in got:
    part = raw.recv(4096)
    check(part, "the stream ended")
    got += part
connection.close()
check(client.api.exec_inspect(made)["ID"] == made, "exec inspect")

# attach.
output = client.containers.create(image, ["sh", "-c", "read word; echo got $word"], stdin_open=True, name="reader")
attached = output.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
output.start()
raw = getattr(attached, "_sock", attached)
raw.sendall(b"it\n")
check(output.wait(timeout=60)["StatusCode"] == 0, "wait")
check(output.logs() == b"got it\n", output.logs())
attached.close()
output.remove()

# What looks into it and holds it.
if has("/containers/box/top"):
    check(any("sh" in " ".join(row) for row in box.top()["Processes"]), "top")
if has("/containers/box/stats?stream=false"):
    stats = box.stats(stream=False)
    check(stats["memory_stats"]["limit"] == 64 << 20, stats)
    first = next(box.stats(decode=True))
    check(first["pids_stats"]["current"] >= 1, first)
if has("/containers/box/pause", "POST"):
    box.reload()
    check(box.status == "paused", box.status)
    box.unpause()
if has("/containers/box/update", "POST"):
    box.update(mem_limit="80m", memswap_limit="160m")
    box.reload()
    check(box.attrs["HostConfig"]["Memory"] == 80 << 20, "update")
if has("/containers/box/archive?path=/etc/passwd"):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo("note")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"hello"))
    check(box.put_archive("/data", packed.getvalue()), "put_archive")
    check(box.exec_run("cat /data/note").output == b"hello", "what was put")
    chunks, stat = box.get_archive("/data/note")
    check(stat["name"] == "note" and stat["size"] == 5, stat)
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        check(tar.extractfile("note").read() == b"hello", "get_archive")
if has("/containers/box/changes"):
    box.exec_run("touch /made")
    check({"Path": "/made", "Kind": 1} in box.diff(), box.diff())
if has("/commit?container=nosuch", "POST"):
    image_of_box = box.commit("committed", "1", changes='CMD ["cat", "/made"]')
    check("committed:1" in image_of_box.tags, image_of_box.tags)
    check(client.containers.run("committed:1", remove=True) == b"", "committed")
    if has(f"/images/{image}/get"):
        saved = b"".join(image_of_box.save(named=True))
        client.images.remove("committed:1")
        check("committed:1" in client.images.load(saved)[0].tags, "saved and loaded")
    client.images.remove("committed:1")

# Its end.
box.rename("crate")
box.reload()
check(box.name == "crate", box.name)
box.restart(timeout=30)
box.reload()
check(box.status == "running", box.status)
ends = []
waiter = threading.Thread(target=lambda: ends.append(box.wait(timeout=60)))
waiter.start()
time.sleep(0.2)
box.kill(signal="TERM")
waiter.join(60)
check(ends and ends[0]["StatusCode"] == 7, ends)
box.start()
box.stop(timeout=0)
raises(docker.errors.APIError, lambda: box.exec_run("true"))
box.remove()
raises(docker.errors.NotFound, lambda: box.reload())

def of_the_box():
    return [event["Action"] for event in seen if event["Actor"]["Attributes"].get("name") in ("box", "crate")]


for _ in range(300):  # The stream is read by a thread of its own.
    if "destroy" in of_the_box():
        break
    time.sleep(0.1)
stream.close()
actions = of_the_box()
for action in ("create", "start", "rename", "die", "stop", "destroy"):
    check(action in actions, f"no {action} in {actions}")

# Volumes and networks.
names = [volume.name for volume in client.volumes.list()]
# The image made of the container has its volume: whatever ran of it left one of its own.
check("data" in names, f"volumes {names}")
check(client.volumes.get("data").attrs["Driver"] == "local", "volume")
client.volumes.get("data").remove()
raises(docker.errors.NotFound, lambda: client.volumes.get("data"))
check("bridge" in [network.name for network in client.networks.list()], "networks")
check(client.containers.list(all=True) == [], "nothing is left")
client.close()
print("all well")
