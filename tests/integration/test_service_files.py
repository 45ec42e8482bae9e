# SPDX-License-Identifier: Apache-2.0
"""The service files of conf/ for OpenRC, init and Docker. There is no OpenRC and no Docker engine
here: what can be run of them without is run."""
import json
import os
import pwd
import re
import select
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
import yaml
from jupyter_client import BlockingKernelClient

from conftest import BINARY, BUILD, ROOT, SLOW

CONF = ROOT / "conf"
DOCKER = CONF / "docker"
SCRIPTS = [CONF / "openrc/llmspell", CONF / "init.d/llmspell"]


def run(*command):
    return subprocess.run(list(map(str, command)), text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60 * SLOW)


# ---- OpenRC and init ----

@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.parent.name)
def test_scripts_are_clean(script):
    assert os.access(script, os.X_OK)
    assert run("sh", "-n", script).returncode == 0
    done = run("shellcheck", script)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.fixture
def init(llmspell, tmp_path):
    defaults = tmp_path / "defaults"
    home = tmp_path / "init"
    home.mkdir()
    user = pwd.getpwuid(os.geteuid()).pw_name
    defaults.write_text(f"LLMSPELL={BINARY}\nLLMSPELL_USER={user}\nLLMSPELL_HOME={home}\n"
                        "KERNELS='one one2'\n")
    env = {**llmspell.env, "LLMSPELL_DEFAULTS": str(defaults)}
    llmspell.env["LLMSPELL_HOME"] = str(home)

    def call(*words):
        done = subprocess.run([CONF / "init.d/llmspell", *words], text=True, env=env, cwd="/",
                              capture_output=True, timeout=60 * SLOW)
        return done.returncode
    call.home = home
    yield call
    if list((home / "run").glob("*.pid")):
        llmspell.run("kernel", "stop", "--all", "--force")


def test_init_script(init, llmspell):
    def pids():
        return {row["kernel_id"]: row["pid"] for row in llmspell.json("kernel", "list")
                if row["state"] != "dead"}
    assert (init("status"), init("reload"), init("stop"), init("try-restart")) == (3, 7, 0, 0)
    assert pids() == {}
    assert init("start") == 0
    first = pids()
    assert set(first) == {"one", "one2"}
    assert llmspell.json("kernel", "status", "one")["workdir"] == str(init.home / "work")
    assert (init("start"), init("status"), init("reload")) == (0, 0, 0)
    assert pids() == first  # they live on after the signal
    assert init("restart") == 0
    second = pids()
    assert set(second) == set(first) and not set(second.values()) & set(first.values())
    assert llmspell.run("kernel", "stop", "one").status == 0
    assert init("status") == 3  # one2 does not count as one
    assert init("try-restart") == 0 and set(pids()) == {"one2"}
    assert pids()["one2"] != second["one2"]
    assert (init("start"), init("status")) == (0, 0)
    assert (init("stop"), init("status"), pids()) == (0, 3, {})
    assert (init("nonsense"), init()) == (2, 2)


def test_init_script_after_a_crash(init, llmspell):
    assert init("start") == 0
    pid = llmspell.json("kernel", "status", "one2")["pid"]
    handle = os.pidfd_open(pid)
    os.kill(pid, 9)
    assert select.select([handle], [], [], 10 * SLOW)[0]
    os.close(handle)
    assert init("status") == 1
    assert (init("start"), init("status"), init("stop")) == (0, 0, 0)


# ---- Docker ----

def dockerfile():
    """[(instruction, rest)] with continued lines joined."""
    text = re.sub(r"^#.*\n", "", (DOCKER / "Dockerfile").read_text(), flags=re.M)
    rows = [line.split(None, 1) for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return [(name, re.sub(r"\s+", " ", rest)) for name, rest in rows]


def apt_packages():
    """Of the two stages."""
    lists = [re.search(r"apt-get install -y --no-install-recommends ([^&]*)", rest)
             for name, rest in dockerfile() if name == "RUN"]
    return [set(found[1].split()) for found in lists if found]


def copied():
    """What comes from the source tree."""
    rows = [rest.split() for name, rest in dockerfile() if name == "COPY"]
    return [name for row in rows if not row[0].startswith("--from") for name in row[:-1]]


def test_dockerfile():
    rows = dockerfile()
    last = dict(rows)
    assert [rest for name, rest in rows if name == "FROM"] == ["debian:12-slim AS build",
                                                               "debian:12-slim"]
    assert last["USER"] == "llmspell" and last["STOPSIGNAL"] == "SIGTERM"
    assert json.loads(last["ENTRYPOINT"]) == ["llmspell"]
    assert json.loads(last["CMD"]) == ["kernel", "start", "--id", "main"]
    assert json.loads(last["HEALTHCHECK"].split("CMD ")[1])[:4] == ["llmspell", "kernel", "status",
                                                                    "main"]
    for name, rest in rows:
        if name == "RUN":
            assert run("sh", "-n", "-c", rest).returncode == 0, rest
    for source in copied():
        assert (ROOT / source).exists(), source


def test_docker_build_has_its_sources(tmp_path):
    """The build stage's COPY and its first RUN command; .dockerignore lets them through."""
    source = tmp_path / "source"
    source.mkdir()
    let_in = {line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
              if line.startswith("!")}
    for name in copied():
        assert name.split("/")[0] in let_in, name
        if "/" not in name:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, source / name)
    configure = next(re.search(r"cmake -S \. (.*?) &&", rest)[1] for name, rest in dockerfile()
                     if name == "RUN" and "cmake -S" in rest)
    done = run("cmake", "-S", source, *configure.replace("/build", str(tmp_path / "b")).split())
    assert done.returncode == 0, done.stdout


def package_of(path):
    """/lib is a link to /usr/lib, and a package may name either."""
    for name in (path, str(path).removeprefix("/usr")):
        done = run("dpkg", "-S", name)
        if done.returncode == 0:
            return done.stdout.split(":")[0]
    raise AssertionError(f"no package has {path}")


def needed_packages():
    """The Debian packages of the libraries that our files name."""
    packages = set()
    for file in [BINARY, *sorted(BUILD.glob("lib/llmspell/*/*.so"))]:
        names = re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", file).stdout)
        places = dict(re.findall(r"(\S+) => (\S+)", run("ldd", file).stdout))
        for name in names:
            path = Path(places.get(name, name))
            if not re.match(r"lib(c|m|asan|ubsan|tsan)\.so|ld-linux", path.name):
                packages.add(package_of(path.resolve()))
    return packages


def test_docker_packages():
    """The image has the libraries, the build stage what tools/packages.sh installs for the host."""
    build, final = apt_packages()
    needed = needed_packages() - {"libc6", "libgcc-s1"}
    assert {"libjansson4", "libzmq5"} <= needed <= final, needed - final
    script = (ROOT / "tools/packages.sh").read_text()
    known = set(re.search(r"packages=\(\n(.*?)\n\)", script, re.S)[1].replace("#", " ").split())
    assert build <= known, build - known
    libraries = {name for name in known if name.endswith("-dev")} - {"libcunit1-dev"}
    assert libraries <= build, libraries - build


def test_compose():
    text = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    one = text["services"]["llmspell"]
    assert all(port.startswith("127.0.0.1:") for port in one["ports"])
    assert one["read_only"] is True and one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"] and one["restart"] == "unless-stopped"
    assert (DOCKER / one["build"]["context"] / one["build"]["dockerfile"]).resolve() == \
        DOCKER / "Dockerfile"
    assert set(one["secrets"]) == set(text["secrets"])
    assert one["command"][-1] == "/run/secrets/" + one["secrets"][0]
    volume, place = one["volumes"][0].split(":")
    assert volume in text["volumes"] and place == dict(dockerfile())["VOLUME"]
    ports = re.findall(r"_port = (\d+)", (DOCKER / "llmspell.ini").read_text())
    first, last = one["ports"][0].split(":")[2].split("-")
    assert [str(n) for n in range(int(first), int(last) + 1)] == ports
    assert dict(dockerfile())["EXPOSE"] == f"{first}-{last}"


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def test_the_secret_serves_both_sides(llmspell, tmp_path):
    """The image's configuration with the connection file of docs/services.md, on free ports: the
    kernel listens everywhere, a client on the host uses the same file."""
    page = (ROOT / "docs/services.md").read_text()
    body = re.search(r"connection\.json <<END\n(.*?)END", page, re.S)[1]
    secret = json.loads(body.replace("$(openssl rand -hex 32)", "5e" * 32))
    ini = (DOCKER / "llmspell.ini").read_text()
    for name, port in re.findall(r"(\w+_port) = (\d+)", ini):
        assert secret[name] == int(port)
    for (name, port), free in zip(re.findall(r"(\w+_port) = (\d+)", ini), free_ports(5)):
        ini = ini.replace(f"{name} = {port}", f"{name} = {free}")
        secret[name] = free
    file, config = tmp_path / "connection.json", tmp_path / "image.ini"
    file.write_text(json.dumps(secret))
    config.write_text(ini)
    started = llmspell.start("--connection-file", file, "--config", config, id="main")
    own = json.loads(Path(started["connection_file"]).read_text())
    assert own["ip"] == "0.0.0.0" and own["key"] == secret["key"]
    assert llmspell.run("kernel", "status", "main").status == 0
    assert llmspell.run("--kernel", file, "exec", "6*7").out == "42\n"
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=30 * SLOW)
        assert client.ip == "127.0.0.1"
    finally:
        client.stop_channels()
    assert llmspell.run("kernel", "stop", "main").status == 0
    assert json.loads(file.read_text()) == secret  # it is not ours to remove
