"""A volume plugin by Docker's protocol: its volumes are directories, and it notes each call in a file.

    volume_plugin.py SOCKET DIRECTORY LOG

A volume whose name begins with "bad" cannot be mounted, one with "stuck" cannot be removed, "slow" takes its time.
"""

import http.server
import json
import os
import socketserver
import sys
import time

SOCKET, DIRECTORY, LOG = sys.argv[1:4]
VOLUMES = {}
MOUNTED = {}


class Refused(Exception):
    pass


def path(name):
    return os.path.join(DIRECTORY, name.replace("/", "_"))


def known(name):
    if name not in VOLUMES:
        raise Refused("no such volume")


def create(name, asked):
    options = asked.get("Opts") or {}
    if "frob" in options:
        raise Refused("unknown option: frob")
    os.makedirs(path(name), exist_ok=True)
    VOLUMES[name] = options
    return {}


def remove(name, asked):
    known(name)
    if name.startswith("stuck"):
        raise Refused("volume is stuck")
    VOLUMES.pop(name)
    return {}


def mount(name, asked):
    known(name)
    if name.startswith("bad"):
        raise Refused("the disk is gone")
    if name.startswith("slow"):
        time.sleep(2)
    MOUNTED.setdefault(name, []).append(asked["ID"])
    return {"Mountpoint": path(name)}


def unmount(name, asked):
    known(name)
    MOUNTED[name].remove(asked["ID"])
    return {}


def get(name, asked):
    known(name)
    return {"Volume": {"Name": name, "Mountpoint": path(name), "Status": {"users": len(MOUNTED.get(name, []))}}}


def listing(name, asked):
    return {"Volumes": [{"Name": name, "Mountpoint": path(name)} for name in sorted(VOLUMES)]}


CALLS = {
    "/Plugin.Activate": lambda name, asked: {"Implements": ["VolumeDriver"]},
    "/VolumeDriver.Capabilities": lambda name, asked: {"Capabilities": {"Scope": "global"}},
    "/VolumeDriver.Create": create,
    "/VolumeDriver.Remove": remove,
    "/VolumeDriver.Mount": mount,
    "/VolumeDriver.Unmount": unmount,
    "/VolumeDriver.Path": lambda name, asked: {"Mountpoint": path(name)},
    "/VolumeDriver.Get": get,
    "/VolumeDriver.List": listing,
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = json.loads(body or b"{}")
        name = asked.get("Name", "")
        try:
            status, answer = 200, CALLS[self.path](name, asked)
        except Refused as refused:
            status, answer = 500, {"Err": str(refused)}
        with open(LOG, "a") as log:
            log.write("%s %s %s\n" % (self.path.rpartition(".")[2], name, asked.get("ID", "")))
        answer = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.docker.plugins.v1.2+json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass

    def address_string(self):
        return "engine"


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


Server(SOCKET, Handler).serve_forever()
