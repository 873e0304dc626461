#!/usr/bin/python3
"""Drives an engine's networks and volumes through Python's `docker` package. Arguments: socket, image, the first three numbers of a subnet,
a directory of the host. Each step says what it found wrong by failing; the last line is `all well`."""
import sys
import time

import docker
import docker.errors
import docker.utils
from docker.types import IPAMConfig, IPAMPool, Mount

socket, image, prefix, directory = sys.argv[1:5]
client = docker.DockerClient(base_url=f"unix://{socket}", version="auto", timeout=60)
IDLE = ["sleep", "10000"]


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def raises(kind, action):
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def start(name, **options):
    return client.containers.run(image, IDLE, name=name, detach=True, stop_signal="SIGKILL", **options)


def on(container, network):
    """What the container is on a network."""
    container.reload()
    return container.attrs["NetworkSettings"]["Networks"].get(network)


def reaches(container, name):
    return container.exec_run(["ping", "-c", "1", "-W", "5", name]).exit_code == 0


def until(what, condition):
    deadline = time.monotonic() + 30
    while not condition():
        check(time.monotonic() < deadline, what)
        time.sleep(0.05)


# A network with everything that can be said of its addresses.
pool = IPAMPool(
    subnet=f"{prefix}.0/25", iprange=f"{prefix}.64/26", gateway=f"{prefix}.1", aux_addresses={"router": f"{prefix}.64"}
)
own = client.networks.create(
    "own", driver="bridge", ipam=IPAMConfig(pool_configs=[pool]), labels={"l": "v"}, check_duplicate=True,
    options={"com.docker.network.driver.mtu": "1400"},
)
check(own.name == "own" and len(own.id) == 64, own.attrs)
config = {
    "Subnet": f"{prefix}.0/25", "IPRange": f"{prefix}.64/26", "Gateway": f"{prefix}.1",
    "AuxiliaryAddresses": {"router": f"{prefix}.64"},
}
check(own.attrs["IPAM"]["Config"] == [config], own.attrs["IPAM"])
check(own.attrs["Labels"] == {"l": "v"} and own.attrs["Driver"] == "bridge", own.attrs)
check(own.attrs["Options"] == {"com.docker.network.driver.mtu": "1400"}, own.attrs)
check(not own.attrs["Internal"] and own.attrs["Scope"] == "local", own.attrs)
error = raises(docker.errors.APIError, lambda: client.networks.create("own", check_duplicate=True))
check(error.status_code == 409 and "network with name own already exists" in str(error), error)
overlap = IPAMConfig(pool_configs=[IPAMPool(subnet=f"{prefix}.0/24")])
error = raises(docker.errors.APIError, lambda: client.networks.create("overlap", ipam=overlap))
check("Pool overlaps with other one on this address space" in str(error), error)
error = raises(docker.errors.APIError, lambda: client.networks.create("odd", driver="weave"))
check(error.status_code == 404, error)

# Found by name, identifier and label.
check([found.id for found in client.networks.list(names=["own"])] == [own.id], "by name")
check([found.id for found in client.networks.list(ids=[own.id])] == [own.id], "by identifier")
check([found.name for found in client.networks.list(filters={"label": "l=v"})] == ["own"], "by label")
check({"bridge", "host", "none", "own"} <= {found.name for found in client.networks.list()}, "all")
check(client.networks.get(own.id[:12]).name == "own", "by the beginning of its identifier")
raises(docker.errors.NotFound, lambda: client.networks.get("nosuch"))

# Two containers on it, one of which says who it is.
one = start("one", network="own")
at = on(one, "own")
check(at["NetworkID"] == own.id and at["IPAddress"] == f"{prefix}.65" and at["Gateway"] == f"{prefix}.1", at)
check(list(one.attrs["NetworkSettings"]["Networks"]) == ["own"], one.attrs["NetworkSettings"])
created = client.api.create_container(
    image, IDLE, name="two", stop_signal="SIGKILL", host_config=client.api.create_host_config(network_mode="own"),
    networking_config=client.api.create_networking_config({
        "own": client.api.create_endpoint_config(
            ipv4_address=f"{prefix}.100", aliases=["db", "store"], links={"one": "first"}
        )
    }),
)
two = client.containers.get(created["Id"])
two.start()
at = on(two, "own")
check(at["IPAddress"] == f"{prefix}.100" and at["IPAMConfig"]["IPv4Address"] == f"{prefix}.100", at)
check({"db", "store"} <= set(at["Aliases"]), at)
check(at["Links"] == ["one:first"], at)
for name in ("two", "db", "store", two.id[:12]):
    check(reaches(one, name), f"one reaches {name}")
for name in ("one", "first"):
    check(reaches(two, name), f"two reaches {name}")
check(not reaches(one, "first"), "a link is for those who have it")
check(b"mtu 1400" in one.exec_run("ip link show eth0").output, "mtu")
own.reload()
check({found.name for found in own.containers} == {"one", "two"}, own.attrs["Containers"])
entry = own.attrs["Containers"][two.id]
check(entry["Name"] == "two" and entry["IPv4Address"] == f"{prefix}.100/25", entry)
greedy = client.networks.list(names=["own"], greedy=True)[0]
check(set(greedy.attrs["Containers"]) == {one.id, two.id}, greedy.attrs)
error = raises(docker.errors.APIError, own.remove)
check(error.status_code == 403 and "has active endpoints" in str(error), error)
taken = client.api.create_container(
    image, IDLE, name="taken", host_config=client.api.create_host_config(network_mode="own"),
    networking_config=client.api.create_networking_config(
        {"own": client.api.create_endpoint_config(ipv4_address=f"{prefix}.100")}
    ),
)
error = raises(docker.errors.APIError, lambda: client.api.start(taken))
check("Address already in use" in str(error), error)
client.api.remove_container(taken)

# A second network, joined and left by a running container.
back = client.networks.create(
    "back", internal=True, ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=f"{prefix}.128/25")]), attachable=True
)
check(back.attrs["Internal"] is True and back.attrs["Attachable"] is True, back.attrs)
back.connect(one, aliases=["behind"], ipv4_address=f"{prefix}.200")
at = on(one, "back")
check(at["IPAddress"] == f"{prefix}.200" and "behind" in at["Aliases"], at)
check(set(one.attrs["NetworkSettings"]["Networks"]) == {"own", "back"}, one.attrs["NetworkSettings"])
three = start("three", network="back")
check(reaches(three, "one") and reaches(three, "behind") and reaches(one, "three"), "by name on the second")
check(not reaches(three, "two"), "networks are apart")
check(f"default via {prefix}.1 ".encode() in one.exec_run("ip route").output, "the way out stays the first's")
error = raises(docker.errors.APIError, lambda: back.connect(one))
check(error.status_code == 403 and "already exists in network back" in str(error), error)
raises(docker.errors.NotFound, lambda: back.connect("nosuch"))
error = raises(docker.errors.APIError, lambda: back.connect(two, ipv4_address="10.9.9.9"))
check(error.status_code in (400, 500), error)
back.disconnect(one)
check(on(one, "back") is None and not reaches(three, "one"), "left")
error = raises(docker.errors.APIError, lambda: back.disconnect(one))
check("is not connected to" in str(error), error)
one.stop(timeout=0)
back.connect(one)
one.start()
check(on(one, "back")["IPAddress"] and reaches(one, "three") and reaches(one, "two"), "joined while it was stopped")
back.disconnect(one, force=True)

# What nobody uses goes.
client.networks.create("unused", labels={"old": "yes"})
client.networks.create("kept")
check(client.networks.prune(filters={"label": "old"})["NetworksDeleted"] == ["unused"], "prune by label")
check(client.networks.prune()["NetworksDeleted"] == ["kept"], "prune")
for container in (one, two, three):
    container.remove(force=True)
for network in (own, back):
    until(f"{network.name} can go", lambda: not client.networks.get(network.id).attrs["Containers"])
    network.remove()
    raises(docker.errors.NotFound, network.reload)

# host, none, another container's.
check(client.containers.run(image, "ls /sys/class/net", network_mode="none", remove=True) == b"lo\n", "none")
bridges = client.containers.run(image, "ls /sys/class/net", network_mode="host", remove=True).split()
check(len(bridges) > 1, bridges)
first = start("first")
inode = ["readlink", "/proc/self/ns/net"]
shared = client.containers.run(image, inode, network_mode=f"container:{first.id}", remove=True)
check(shared == first.exec_run(inode).output, "another container's network")
first.remove(force=True)

# Volumes.
data = client.volumes.create("data", driver="local", labels={"l": "v"})
check(data.name == "data" and data.attrs["Labels"] == {"l": "v"} and data.attrs["Scope"] == "local", data.attrs)
check(client.volumes.create("data").attrs["CreatedAt"] == data.attrs["CreatedAt"], "made once")
scratch = client.volumes.create(
    "scratch", driver_opts={"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}
)
check(scratch.attrs["Options"]["o"] == "size=1m", scratch.attrs)
nameless = client.volumes.create()
check(len(nameless.name) == 64, nameless.name)
error = raises(docker.errors.APIError, lambda: client.volumes.create("odd", driver="nosuch"))
check("nosuch" in str(error), error)
error = raises(docker.errors.APIError, lambda: client.volumes.create("odd", driver_opts={"frob": "1"}))
check(error.status_code in (400, 500) and "invalid option" in str(error), error)
error = raises(docker.errors.APIError, lambda: client.volumes.create("bad/name"))
check(error.status_code in (400, 500), error)
check([found.name for found in client.volumes.list(filters={"label": "l=v"})] == ["data"], "by label")
check({"data", "scratch", nameless.name} <= {found.name for found in client.volumes.list()}, "all volumes")
raises(docker.errors.NotFound, lambda: client.volumes.get("nosuch"))

user = start(
    "user",
    volumes={"data": {"bind": "/d", "mode": "rw"}, directory: {"bind": "/host", "mode": "ro"}},
    mounts=[
        Mount("/s", "scratch"), Mount("/memory", None, type="tmpfs", tmpfs_size=1 << 20, tmpfs_mode=0o750),
        Mount("/fresh", "fresh", labels={"made": "by mount"}, no_copy=True), Mount("/sealed", "data", read_only=True),
    ],
)
check(user.exec_run("sh -c 'echo kept > /d/f; cat /sealed/f'").output == b"kept\n", "one volume, twice")
check(user.exec_run("touch /sealed/x").exit_code != 0 and user.exec_run("touch /host/x").exit_code != 0, "read-only")
check(user.exec_run("stat -c %a /memory").output == b"750\n", "tmpfs")
check(b" /s tmpfs " in user.exec_run("cat /proc/mounts").output, "mounted volume")
check(client.volumes.get("fresh").attrs["Labels"] == {"made": "by mount"}, "made with the container")
user.reload()
mounts = {mount["Destination"]: mount for mount in user.attrs["Mounts"]}
check(mounts["/d"]["Name"] == "data" and mounts["/d"]["RW"], mounts)
check(mounts["/host"]["Source"] == directory and not mounts["/host"]["RW"], mounts)
check(mounts["/sealed"]["Type"] == "volume" and not mounts["/sealed"]["RW"], mounts)
check([found.name for found in client.containers.list(filters={"volume": "data"})] == ["user"], "who uses it")
error = raises(docker.errors.APIError, data.remove)
check(error.status_code == 409 and "volume is in use" in str(error), error)
user.remove(force=True)
check(client.containers.run(image, "cat /d/f", volumes=["data:/d"], remove=True) == b"kept\n", "it stays")
anonymous = client.api.create_container(image, "true", volumes=["/v"])
made = client.api.inspect_container(anonymous)["Mounts"][0]["Name"]
client.api.remove_container(anonymous, v=True)
raises(docker.errors.NotFound, lambda: client.volumes.get(made))

pruned = client.volumes.prune(filters={"label": "made=by mount"})
check("data" not in (pruned["VolumesDeleted"] or []), pruned)
client.volumes.prune()
check(nameless.name not in [found.name for found in client.volumes.list()], "what has no name goes")
if docker.utils.version_gte(client.api.api_version, "1.42"):
    check(client.volumes.get("data").name == "data", "a named volume outlives prune")
for volume in client.volumes.list():
    volume.remove(force=True)
check(client.volumes.list() == [], "nothing is left")
client.close()
print("all well")
