# SPDX-License-Identifier: Apache-2.0
"""llmspell as a service: `kernel install-service`, the units of conf/systemd, and what keeps a
kernel without a key off the network. OpenRC, init and Docker: test_service_files.py."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import BINARY, BUILD, ROOT, SLOW

CONF = ROOT / "conf"
SYSTEMD = CONF / "systemd"
UNIT = "llmspell@.service"
VARIANTS = {"system": ["--system"], "system-forking": ["--system", "--forking"],
            "user": ["--user"], "user-forking": ["--user", "--forking"]}


def run(*command, **kwargs):
    return subprocess.run(list(map(str, command)), text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60 * SLOW, **kwargs)


def settings(text):
    """The lines of a unit without comments, as a list of (section, key, value)."""
    rows, section = [], None
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            rows.append((section, *line.split("=", 1)))
    return rows


def values(text, key):
    return [value for _, name, value in settings(text) if name == key]


@pytest.fixture
def service(llmspell):
    """The command without a home of its own, as in a login shell; HOME is the test's folder."""
    del llmspell.env["LLMSPELL_HOME"]
    llmspell.env.pop("XDG_CONFIG_HOME", None)
    return llmspell


def install(service, *args, **kwargs):
    return service.run("kernel", "install-service", *args, **kwargs)


def unit_in(prefix, variant):
    return prefix / "etc/systemd" / variant.split("-")[0] / UNIT


# ---- the command ----

@pytest.mark.parametrize("variant", VARIANTS)
def test_writes_the_file_of_conf(service, tmp_path, variant):
    prefix = tmp_path / "root"
    done = install(service, *VARIANTS[variant], "--prefix", prefix, "--output", "json")
    assert done.status == 0, done
    unit = unit_in(prefix, variant)
    files = [unit] + [prefix / "etc/sysusers.d/llmspell.conf"] * variant.startswith("system")
    assert done.json == {"status": "ok", "commands": [], "files": [
        {"path": str(file), "state": "written"} for file in files]}
    assert {file for file in prefix.rglob("*") if file.is_file()} == set(files)
    ours = (SYSTEMD / variant / UNIT).read_text()
    assert ours.count("=/usr/bin/llmspell ") == 1
    assert unit.read_text() == ours.replace("=/usr/bin/llmspell ", f"={BINARY.resolve()} ")
    if len(files) == 2:
        assert files[1].read_bytes() == (SYSTEMD / "sysusers.d/llmspell.conf").read_bytes()
    assert all(file.stat().st_mode & 0o777 == 0o644 for file in files)


@pytest.mark.parametrize("variant", VARIANTS)
def test_print_writes_nothing(service, tmp_path, variant):
    prefix = tmp_path / "root"
    shown = install(service, *VARIANTS[variant], "--prefix", prefix, "--print")
    assert shown.status == 0 and not prefix.exists()
    assert install(service, *VARIANTS[variant], "--prefix", prefix, "--quiet").out == ""
    assert unit_in(prefix, variant).read_text() == shown.out
    document = install(service, *VARIANTS[variant], "--print", "--output", "json").json
    assert document["files"][0]["text"] == shown.out


def test_for_a_user(service, tmp_path):
    unit = tmp_path / ".config/systemd/user" / UNIT
    commands = ["systemctl --user daemon-reload", "systemctl --user enable --now llmspell@lab-1",
                "loginctl enable-linger"]
    done = install(service, "--user", "--id", "lab-1")
    assert done.status == 0 and done.err == "", done
    assert [line[10:] for line in done.out.splitlines()] == [str(unit), *commands]
    assert done.out.startswith("written ")
    again = install(service, "--user", "--output", "json").json
    assert again["files"] == [{"path": str(unit), "state": "unchanged"}]
    assert again["commands"][1] == "systemctl --user enable --now llmspell@main"
    other = install(service, "--user", env={"XDG_CONFIG_HOME": str(tmp_path / "xdg")})
    assert other.status == 0 and (tmp_path / "xdg/systemd/user" / UNIT).exists()


def test_for_the_machine(service):
    done = install(service, "--system", "--print", "--id", "a.b", "--output", "json").json
    assert [file["path"] for file in done["files"]] == [
        f"/etc/systemd/system/{UNIT}", "/etc/sysusers.d/llmspell.conf"]
    assert done["commands"] == ["systemd-sysusers", "systemctl daemon-reload",
                                "systemctl enable --now llmspell@a.b"]
    by_default = install(service, "--print").out
    assert by_default == install(service, "--system" if os.geteuid() == 0 else "--user",
                                 "--print").out


def test_a_home_of_ones_own(service, tmp_path):
    env = {"LLMSPELL_HOME": str(tmp_path / "50%h")}
    text = install(service, "--user", "--forking", "--print", env=env).out
    assert values(text, "Environment") == [f"LLMSPELL_HOME={tmp_path}/50%%h"]
    assert values(text, "PIDFile") == [f"{tmp_path}/50%%h/run/%i.pid"]
    system = install(service, "--system", "--print", env=env).out
    assert "LLMSPELL_HOME=/var/lib/llmspell" in values(system, "Environment")
    bad = install(service, "--user", "--print", env={"LLMSPELL_HOME": str(tmp_path / "a b")})
    assert bad.status == 1 and "cannot stand in a unit" in bad.err and bad.out == ""


def test_another_unit_is_kept(service, tmp_path):
    prefix = tmp_path / "root"
    args = ["--system", "--prefix", prefix, "--quiet"]
    unit, user = unit_in(prefix, "system"), prefix / "etc/sysusers.d/llmspell.conf"
    user.parent.mkdir(parents=True)
    user.write_text("u llmspell 990\n")
    for _ in range(2):
        done = install(service, *args)
        assert done.status == 1 and not unit.exists(), done
        assert done.err == (f"llmspell: {user} is there already and is different; --print shows what "
                            "would be written, --force overwrites it\n")
    assert user.read_text() == "u llmspell 990\n"
    assert install(service, *args, "--force").status == 0
    mine = unit.read_text()
    assert install(service, *args, "--forking").status == 1
    assert unit.read_text() == mine
    assert install(service, *args, "--forking", "--force").status == 0
    assert values(unit.read_text(), "Type") == ["forking"]
    unit.unlink()
    unit.symlink_to("/dev/null")  # systemctl mask
    assert install(service, *args).status == 1
    assert unit.is_symlink()


def test_refusals(service, tmp_path):
    for args, status, text in (
            (["--user", "--system"], 2, "give one of --user and --system"),
            (["--id", "a b"], 1, '"a b" is no kernel id'),
            (["--id", ""], 1, "is no kernel id"),
            (["--prefix", "/proc/none"], 1, "cannot make the folder /proc/none"),
            (["--prefix", tmp_path / "file"], 1, "Not a directory"),
            (["more"], 2, "does not take")):
        (tmp_path / "file").write_text("")
        done = install(service, *args, "--quiet")
        assert done.status == status and text in done.err and done.out == "", done
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.geteuid() != 0:
        done = install(service, "--user", env={"XDG_CONFIG_HOME": str(folder)})
        assert done.status == 1 and "Permission denied" in done.err


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="setpriv is missing")
def test_no_right_to_write_for_the_machine(service, tmp_path):
    """Says what to do. As root, without root's rights."""
    if os.geteuid() == 0:
        if os.access("/etc/systemd/system", os.F_OK) is False:
            pytest.skip("there is no /etc/systemd/system")
        tmp_path.chmod(0o755)
        before = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        seen = run(*before, "test", "-x", BINARY)
        if seen.returncode != 0:
            pytest.skip("others cannot reach the binary")
    else:
        before = []
    env = {**service.env, "LLMSPELL_HOME": "/nonexistent"}
    done = run(*before, BINARY, "-q", "kernel", "install-service", "--system", env=env, cwd="/")
    assert done.returncode == 1
    assert re.search(r"cannot write .*Permission denied; run this as root \(sudo\), or install for "
                     r"yourself with --user\n$", done.stdout), done.stdout


def test_a_binary_that_the_service_cannot_see(service, tmp_path):
    hidden = str(BINARY.resolve()).startswith(("/home/", "/root/", "/tmp/", "/var/tmp/"))
    done = install(service, "--system", "--print")
    assert done.status == 0 and ("the service will not find" in done.err) is hidden
    copy = tmp_path / "llmspell"
    shutil.copy(BINARY, copy)
    place = next((p for p in ("/tmp/", "/home/", "/root/", "/var/tmp/")
                  if str(copy.resolve()).startswith(p)), None)
    done = service.run("kernel", "install-service", "--system", "--print", binary=copy)
    assert (f"the unit hides {place} from it" in done.err) is (place is not None)
    assert service.run("kernel", "install-service", "--user", "--print", binary=copy).err == ""


def test_a_binary_whose_path_cannot_be_written(service, tmp_path):
    (tmp_path / "a b").mkdir()
    copy = shutil.copy(BINARY, tmp_path / "a b")
    done = service.run("kernel", "install-service", "--user", binary=copy)
    assert done.status == 1 and "cannot stand in a unit" in done.err
    assert not (tmp_path / ".config").exists()


# ---- the units ----

def analyze(tmp_path, variant, *command):
    """systemd-analyze sees the folder of this variant and its own units, no others of ours."""
    manager = ["--user"] if variant.startswith("user") else []
    return run("systemd-analyze", *manager, *command,
               env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path),
                    "SYSTEMD_COLORS": "0", "SYSTEMD_UNIT_PATH": f"{tmp_path}/units:"})


def put_unit(service, tmp_path, variant, change=lambda text: text):
    folder = tmp_path / "units"
    folder.mkdir(exist_ok=True)
    text = install(service, *VARIANTS[variant], "--print").out
    (folder / UNIT).write_text(change(text))
    return folder / UNIT


@pytest.mark.parametrize("variant", VARIANTS)
def test_systemd_accepts_the_unit(service, tmp_path, variant):
    unit = put_unit(service, tmp_path, variant)
    done = analyze(tmp_path, variant, "verify", "--man=no", unit)
    assert (done.returncode, done.stdout) == (0, "")
    for line, word in (("Restrt=no", "Restrt"), ("KillMode=mixd", "mixd")):  # it would say so
        put_unit(service, tmp_path, variant, lambda text: text.replace("RestartSec=2", line))
        assert word in analyze(tmp_path, variant, "verify", "--man=no", unit).stdout


def test_systemd_accepts_the_socket(service, tmp_path):
    put_unit(service, tmp_path, "system")
    copy = shutil.copy(SYSTEMD / "system/llmspell-http@.socket", tmp_path / "units")
    done = analyze(tmp_path, "system", "verify", "--man=no", copy)
    assert (done.returncode, done.stdout) == (0, "")
    text = Path(copy).read_text()
    assert values(text, "Service") == [UNIT.replace("@", "@%i")]
    assert all(address.startswith("127.") for address in values(text, "ListenStream"))


@pytest.mark.parametrize("variant", ["system", "system-forking"])
def test_hardening(service, tmp_path, variant):
    def rate(unit):
        return analyze(tmp_path, variant, "security", "--offline=true", "--threshold=20", unit)
    done = rate(put_unit(service, tmp_path, variant))
    assert done.returncode == 0 and re.search(r"exposure level .*: [01]\.\d OK", done.stdout), done
    weaker = rate(put_unit(service, tmp_path, variant, lambda text: re.sub(
        r"(SystemCall|Protect|Capability)\w+=.*\n", "", text)))
    assert weaker.returncode != 0


@pytest.mark.parametrize("variant", ["system", "system-forking"])
def test_system_calls_of_the_sandbox_are_allowed(variant):
    """The runner of tools needs them; systemd takes a name that it does not know with a warning."""
    lines = values((SYSTEMD / variant / UNIT).read_text(), "SystemCallFilter")
    assert lines[:2] == ["@system-service", "~@privileged"]
    needed = lines[2].split()
    assert {"seccomp", "landlock_restrict_self", "landlock_add_rule",
            "landlock_create_ruleset"} == set(needed)
    known = run("systemd-analyze", "syscall-filter", "@known").stdout.split()
    assert set(needed) <= set(known)


def test_units_differ_only_where_they_must():
    for kind in ("system", "user"):
        plain, forking = (settings((SYSTEMD / f"{kind}{end}" / UNIT).read_text())
                          for end in ("", "-forking"))
        assert {key for _, key, _ in set(plain) ^ set(forking)} == {
            "Type", "NotifyAccess", "WatchdogSec", "PIDFile", "ExecStart"}
        assert ("Service", "Type", "notify") in plain and ("Service", "Type", "forking") in forking
    for file in SYSTEMD.glob("*/*.service"):
        assert len(values(file.read_text(), "DefaultInstance")) == 1


def test_time_to_stop_is_enough(service):
    """More than shutdown_grace and 5 s, as the comment in the units promises."""
    grace = service.json("config", "show")["kernel"]["shutdown_grace"]
    assert re.fullmatch(r"\d+s", grace)
    for file in SYSTEMD.glob("*/*.service"):
        assert int(values(file.read_text(), "TimeoutStopSec")[0]) > int(grace[:-1]) + 5


def run_exec_start(service, variant, unit_home):
    """Does what systemd does with ExecStart=, for the instance "svc" in a home of the test."""
    text = install(service, *VARIANTS[variant], "--print").out
    command = values(text, "ExecStart")[0].replace("%i", "svc").split()
    return subprocess.Popen(command, text=True, cwd=service.cwd, stdout=subprocess.PIPE,
                            env={**service.env, "LLMSPELL_HOME": str(unit_home)})


def test_exec_start_and_pid_file_of_the_forking_unit(service, tmp_path):
    service.env["LLMSPELL_HOME"] = str(service.home)
    text = install(service, "--user", "--forking", "--print").out
    process = run_exec_start(service, "user-forking", service.home)
    assert process.wait(30 * SLOW) == 0
    process.stdout.close()
    pid_file = Path(values(text, "PIDFile")[0].replace("%i", "svc"))
    assert int(pid_file.read_text()) == service.json("kernel", "status", "svc")["pid"]
    assert service.run("kernel", "stop", "svc").status == 0 and not pid_file.exists()


def test_exec_start_of_the_notify_unit(service):
    process = run_exec_start(service, "system", service.home)
    service.env["LLMSPELL_HOME"] = str(service.home)
    assert process.stdout.readline().startswith("kernel svc runs")
    assert service.json("kernel", "status", "svc")["pid"] == process.pid
    process.terminate()
    process.stdout.read()
    assert process.wait(30 * SLOW) == 0
    process.stdout.close()


# ---- no key, no network ----

UNSIGNED = ["--set", "protocol.jupyter.allow_unsigned=true"]


@pytest.mark.parametrize("ip", ["0.0.0.0", "*", "::", "[::]", "192.0.2.1", "::ffff:0.0.0.0",
                                "[::ffff:192.0.2.1]", "128.0.0.1", "eth0", "lo", "example.org"])
@pytest.mark.parametrize("where", ["ini", "file"])
def test_without_a_key_only_loopback(llmspell, tmp_path, ip, where):
    file = tmp_path / "connection.json"
    file.write_text(json.dumps({"key": "", **({"ip": ip} if where == "file" else {})}))
    more = ["--set", f"protocol.jupyter.ip={ip}"] if where == "ini" else []
    done = llmspell.run("kernel", "start", "--connection-file", file, *UNSIGNED, *more)
    assert done.status == 1 and done.out == "", done
    assert f"key is empty and ip is {ip}, so that anybody in the network could" in done.err
    assert "permits it on this machine only" in done.err
    assert llmspell.json("kernel", "list") == []


@pytest.mark.parametrize("ip", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_without_a_key_on_loopback(llmspell, tmp_path, ip):
    file = tmp_path / "connection.json"
    file.write_text(json.dumps({"key": "", "ip": ip}))
    refused = llmspell.run("kernel", "start", "--connection-file", file)
    assert refused.status == 1 and "set allow_unsigned in [protocol.jupyter]" in refused.err
    llmspell.start("--connection-file", file, *UNSIGNED)
    assert llmspell.run("--kernel", "test", "exec", "6*7").out == "42\n"


# ---- installed ----

def test_installed_with_the_rest(tmp_path):
    done = run("cmake", "--install", BUILD, "--prefix", tmp_path / "p")
    assert done.returncode == 0, done.stdout
    installed = tmp_path / "p/share/llmspell"
    ours = {file.relative_to(CONF) for file in CONF.rglob("*")
            if file.is_file() and file.name != "connection.json"}  # somebody's key
    others = {file.relative_to(installed) for file in installed.rglob("*") if file.is_file()
              and file.relative_to(installed).parts[0] not in ("templates", "manifest.schema.json")}
    assert ours == others
    for file in ours:
        assert (installed / file).read_bytes() == (CONF / file).read_bytes()
    assert os.access(installed / "init.d/llmspell", os.X_OK)
