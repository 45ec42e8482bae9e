# SPDX-License-Identifier: Apache-2.0
"""git_inspector beside git itself, on repositories that a seeded generator makes; what its
cases.json cannot reach: worktrees, submodules, shallow clones, conflicts, encodings, limits."""
import json
import os
import random
import subprocess

import pytest

NAMES = [("Ada", "ada@example.org"), ("Bob B.", "bob@example.org"), ("Çem", "cem@example.org")]


class Repository:
    """A repository below the working directory of the test, driven by git."""

    def __init__(self, folder, bare=False):
        self.folder = folder
        self.time = 1_700_000_000
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1",
                    "GIT_CONFIG_GLOBAL": "/dev/null", "LC_ALL": "C.UTF-8"}
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments, author=NAMES[0], check=True, **env):
        date = f"{self.time} +0130"
        who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER")
               for key, value in zip(("NAME", "EMAIL", "DATE"), (*author, date))}
        done = subprocess.run(["git", "-c", "core.quotepath=off", "-c", "protocol.file.allow=always",
                               *arguments],
                              cwd=self.folder, env={**self.env, **who, **env}, capture_output=True)
        assert done.returncode == 0 or not check, done
        return done.stdout.decode(errors="replace")

    def lines(self, *arguments):
        return self.git(*arguments).splitlines()

    def write(self, name, data):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())

    def commit(self, message, author=NAMES[0], **env):
        self.time += 60
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message, author=author, **env)
        return self.git("rev-parse", "HEAD").strip()


@pytest.fixture
def repository(llmspell):
    return Repository(llmspell.cwd / "repo")


def call(llmspell, **params):
    params.setdefault("path", "repo")
    text = json.dumps({key.rstrip("_"): value for key, value in params.items()})
    return llmspell.json("tool", "invoke", "git_inspector", "--params", text,
                         env={"TMPDIR": str(llmspell.cwd)})


def ask(llmspell, **params):
    reply = call(llmspell, **params)
    assert reply["status"] == "ok", reply
    return reply["result"]


def refused(llmspell, code, pointer, **params):
    reply = call(llmspell, **params)
    assert reply["status"] == "error", reply
    assert (reply["error"]["code"], reply["error"].get("path")) == (code, pointer), reply
    assert str(llmspell.cwd) not in reply["error"]["message"], reply
    return reply["error"]["message"]


def grow(repository, seed, commits=40):
    """Commits, branches and merges with random files, some at the same second."""
    rng = random.Random(seed)
    names = [f"{folder}f{i}.txt" for folder in ("", "d/", "d/e/", "ü/") for i in range(3)]
    branches = ["main"]
    for number in range(commits):
        choice = rng.random()
        if number and choice < 0.15:
            branches.append(f"b{number}")
            repository.git("checkout", "-q", "-b", branches[-1])
        elif number and choice < 0.35:
            repository.git("checkout", "-q", rng.choice(branches))
        elif number and choice < 0.5 and len(branches) > 1:
            repository.time += rng.choice([0, 60])
            repository.git("merge", "-q", "--no-ff", "-X", "ours", "-m", f"merge {number}",
                           rng.choice(branches), check=False)
            if repository.lines("ls-files", "-u"):
                repository.git("merge", "--abort")
        name = rng.choice(names)
        path = repository.folder / name
        text = path.read_text().splitlines() if path.exists() else []
        for _ in range(rng.randint(1, 5)):
            text.insert(rng.randint(0, len(text)), f"line {rng.randint(0, 99)}")
        if rng.random() < 0.1 and path.exists():
            path.unlink()
        else:
            repository.write(name, "\n".join(text) + "\n")
        repository.time -= rng.choice([0, 60, 30])
        repository.commit(f"commit {number}\n\nof seed {seed}", rng.choice(NAMES))
    repository.git("checkout", "-q", "main")
    for branch in branches[1:]:
        repository.git("merge", "-q", "--no-ff", "-X", "ours", "-m", f"merge {branch}", branch,
                       check=False)
        if repository.lines("ls-files", "-u"):
            repository.git("merge", "--abort")
    return names


def ids(result):
    return [commit["id"] for commit in result["commits"]]


@pytest.mark.parametrize("seed", range(4))
def test_like_git(llmspell, repository, seed):
    names = grow(repository, seed)
    expected = repository.lines("log", "--date-order", "--format=%H")
    assert ids(ask(llmspell, operation="log", limit=10000)) == expected
    assert ids(ask(llmspell, operation="log", limit=7, skip=5)) == expected[5:12]
    for commit in ask(llmspell, operation="log", limit=5)["commits"]:
        fields = ["%H", "%an", "%ae", "%aI", "%cn", "%cI", "%s", "%P"]
        shown = repository.git("show", "-s", "--format=" + "%n".join(fields), commit["id"])
        assert shown.splitlines() == [
            commit["id"], commit["author"]["name"], commit["author"]["email"],
            commit["author"]["time"], commit["committer"]["name"], commit["committer"]["time"],
            commit["subject"], " ".join(commit["parents"])]
    files = [line.split("\t") for line in repository.lines("ls-tree", "-rl", "HEAD")]
    assert [(f["path"], f["mode"], str(f["size"])) for f in ask(llmspell, operation="files")["files"]] \
        == [(name, head.split()[0], head.split()[3]) for head, name in files]
    for name in names:
        wanted = repository.lines("log", "--date-order", "--format=%H", "--", name)
        if wanted:
            assert ids(ask(llmspell, operation="log", file=name, limit=10000)) == wanted, name
        else:
            refused(llmspell, "not_found", "/file", operation="log", file=name)
    assert ids(ask(llmspell, operation="log", file="d", limit=10000)) == \
        repository.lines("log", "--date-order", "--format=%H", "--", "d")


@pytest.mark.parametrize("seed", range(4))
def test_ranges_filters_and_summary_like_git(llmspell, repository, seed):
    grow(repository, seed)
    commits = repository.lines("log", "--format=%H")
    rng = random.Random(seed)
    for _ in range(4):
        one, two = rng.sample(commits, 2)
        for dots in ("..", "..."):
            wanted = repository.lines("log", "--date-order", "--format=%H", f"{one}{dots}{two}")
            got = ids(ask(llmspell, operation="log", ref=f"{one}{dots}{two}", limit=10000))
            assert sorted(got) == sorted(wanted) and (dots == "..." or got == wanted)
    for key, option in (("author", "--author"), ("grep", "--grep")):
        for pattern in ("Ada", "Çem", "@example", "commit 1", "^of seed"):
            assert ids(ask(llmspell, operation="search_log", limit=10000, **{key: pattern})) == \
                repository.lines("log", "--date-order", "--format=%H", f"{option}={pattern}")
    middle = repository.git("show", "-s", "--format=%cI", commits[len(commits) // 2]).strip()
    assert sorted(ids(ask(llmspell, operation="log", since=middle, limit=10000))) == sorted(
        line.split()[1] for line in repository.lines("log", "--format=%ct %H")
        if int(line.split()[0]) >= int(repository.git("show", "-s", "--format=%ct",
                                                       commits[len(commits) // 2])))
    counts = {}
    for name in repository.lines("log", "--format=%an"):
        counts[name] = counts.get(name, 0) + 1
    summary = ask(llmspell, operation="summary")
    assert summary["commits"] == len(commits)
    assert summary["authors"] == [{"name": name, "commits": count} for name, count in
                                  sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


@pytest.mark.parametrize("seed", range(4))
def test_differences_like_git(llmspell, repository, seed):
    grow(repository, seed)
    repository.git("mv", repository.lines("ls-files")[0], "moved.txt")
    repository.commit("a rename")
    letters = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed", "T": "typechange"}
    for one, two in (("HEAD~1", "HEAD"), ("HEAD~3", "HEAD"), ("HEAD", "HEAD~5")):
        result = ask(llmspell, operation="diff", from_=one, to=two, patch=True)
        status = [line.split("\t") for line in
                  repository.lines("diff", "-M", "--name-status", one, two)]
        # Two programs may find other pairs of similar files: a rename counts as both its halves.
        halves = lambda rows: {half for path, change, old in rows for half in
                               ([(old, "deleted"), (path, "added")] if old else [(path, change)])}
        assert halves((f["path"], f["change"], f.get("old_path")) for f in result["files"]) == \
            halves((row[-1], letters[row[0][0]], row[1] if row[0][0] == "R" else None)
                   for row in status)
        stat = [line.split("\t") for line in
                repository.lines("diff", "-M", "--numstat", "--no-renames", one, two)]
        if not any(f["change"] == "renamed" for f in result["files"]):
            assert result["additions"] == sum(int(row[0]) for row in stat)
            assert result["deletions"] == sum(int(row[1]) for row in stat)
            assert result["patch"] == repository.git("-c", "core.quotepath=on", "diff",
                                                     "--no-renames", "--abbrev=7", one, two)
    shown = ask(llmspell, operation="show", ref="HEAD", patch=True)
    assert shown["patch"] == repository.git("-c", "core.quotepath=on", "show", "-M",
                                            "--abbrev=7", "--format=", "HEAD")
    assert [f["change"] for f in shown["files"]] == ["renamed"]


@pytest.mark.parametrize("seed", range(4))
def test_blame_like_git(llmspell, repository, seed):
    names = grow(repository, seed, 25)
    for name in set(names) & set(repository.lines("ls-files")):
        wanted = [line.split()[0].lstrip("^")[:7] for line in
                  repository.lines("blame", "--root", "-l", "HEAD", "--", name)]
        lines = ask(llmspell, operation="blame", file=name)["lines"]
        assert [line["text"] for line in lines] == \
            (repository.folder / name).read_text().splitlines()
        assert [line["line"] for line in lines] == list(range(1, len(wanted) + 1))
        same = sum(a == line["commit"] for a, line in zip(wanted, lines))
        # Where a line was repeated or came by a merge, two answers can both be right.
        assert same >= 0.8 * len(wanted), name
        if len(lines) > 2:
            assert ask(llmspell, operation="blame", file=name, start_line=2,
                       end_line=len(lines) - 1)["lines"] == lines[1:-1]


def test_status_like_git(llmspell, repository):
    for name in ("same", "staged", "both", "removed", "gone", "old name", "mode"):
        repository.write(name, f"{name}\n" * 5)
    repository.write("d/tracked", "x")
    repository.commit("first")
    repository.write("staged", "new")
    repository.write("both", "one")
    repository.git("add", "staged", "both")
    repository.write("both", "two")
    repository.git("rm", "-q", "removed")
    repository.git("mv", "old name", "new name")
    (repository.folder / "gone").unlink()
    (repository.folder / "mode").chmod(0o755)
    repository.write("added", "x")
    repository.git("add", "added")
    repository.write("d/untracked", "x")
    repository.write("e/f/untracked", "x")
    repository.write(".gitignore", "*.log\n")
    repository.write("x.log", "x")
    result = ask(llmspell)
    assert result["staged"] == [
        {"path": "added", "change": "added"}, {"path": "both", "change": "modified"},
        {"path": "new name", "change": "renamed"}, {"path": "removed", "change": "deleted"},
        {"path": "staged", "change": "modified"}]
    assert result["unstaged"] == [{"path": "both", "change": "modified"},
                                  {"path": "gone", "change": "deleted"},
                                  {"path": "mode", "change": "modified"}]
    assert result["untracked"] == [line[3:] for line in repository.lines("status", "--porcelain")
                                   if line.startswith("??")]
    assert not result["clean"] and result["conflicts"] == []


def test_a_conflict(llmspell, repository):
    repository.write("a", "0\n")
    repository.write("z", "0\n")
    repository.commit("base")
    repository.git("checkout", "-q", "-b", "other")
    repository.write("a", "1\n")
    repository.commit("other")
    repository.git("checkout", "-q", "main")
    repository.write("a", "2\n")
    repository.commit("ours")
    repository.git("merge", "other", check=False)
    result = ask(llmspell)
    assert result["conflicts"] == ["a"] and not result["clean"]
    assert result["staged"] == [] and result["unstaged"] == [] and result["untracked"] == []


def test_nothing_is_written(llmspell, repository):
    grow(repository, 1, 5)
    for path in repository.folder.rglob("*.txt"):  # other times than the index knows
        os.utime(path, (1, 1))
    before = {path: path.stat() for path in repository.folder.rglob("*")}
    for operation in ("status", "log", "show", "diff", "branches", "tags", "files", "summary"):
        ask(llmspell, operation=operation)
    after = {path: path.stat() for path in repository.folder.rglob("*")}
    assert before.keys() == after.keys()
    assert all(before[p].st_mtime_ns == after[p].st_mtime_ns for p in before)


def test_hooks_filters_and_programs_do_not_run(llmspell, repository):
    mark = llmspell.cwd / "mark"
    script = llmspell.cwd / "script"
    script.write_text(f"#!/bin/sh\necho ran >> {mark}\ncat\n")
    script.chmod(0o755)
    repository.write("a.txt", "x\n")
    repository.commit("first")
    repository.write(".gitattributes", "*.txt filter=evil diff=evil\n")
    for key in ("filter.evil.clean", "filter.evil.smudge", "filter.evil.process",
                "diff.evil.textconv", "diff.evil.command", "diff.external", "core.fsmonitor",
                "core.pager"):
        repository.git("config", key, str(script))
    hooks = repository.folder / ".git" / "hooks"
    for hook in ("post-checkout", "fsmonitor-watchman", "post-index-change"):
        (hooks / hook).write_text(script.read_text())
        (hooks / hook).chmod(0o755)
    repository.write("a.txt", "y\n")
    mark.unlink(missing_ok=True)
    for operation in ("status", "diff", "show", "log"):
        ask(llmspell, operation=operation)
    ask(llmspell, operation="diff", patch=True)
    ask(llmspell, operation="blame", file="a.txt")
    assert not mark.exists()


def test_only_the_configuration_of_the_repository(llmspell, repository):
    repository.write("a.txt", "x\n")
    repository.commit("first")
    repository.write("b.log", "x\n")
    ignore = llmspell.cwd.parent / "ignore"
    ignore.write_text("*.log\n")
    (llmspell.cwd.parent / ".gitconfig").write_text(f"[core]\n\texcludesfile = {ignore}\n")
    assert ask(llmspell)["untracked"] == ["b.log"]


def test_a_worktree(llmspell, repository):
    repository.write("a.txt", "x\n")
    repository.commit("first")
    repository.git("worktree", "add", "-q", "-b", "side", str(llmspell.cwd / "tree"))
    result = ask(llmspell, path="tree")
    assert result["branch"] == "side" and result["clean"]
    assert ask(llmspell, path="tree", operation="branches")["current"] == "side"
    assert ask(llmspell, path="tree", operation="log")["count"] == 1


def test_a_worktree_of_a_repository_outside(llmspell, tmp_path):
    outside = Repository(tmp_path / "outside")
    outside.write("a.txt", "x\n")
    outside.commit("first")
    outside.git("worktree", "add", "-q", "-b", "side", str(llmspell.cwd / "tree"))
    refused(llmspell, "permission_denied", "/path", path="tree")
    refused(llmspell, "permission_denied", "/path", path="tree", operation="log")


def test_the_search_stops_at_the_root(llmspell, tmp_path):
    Repository(tmp_path)
    refused(llmspell, "not_found", "/path", path=".")


def test_a_submodule(llmspell, repository):
    inner = Repository(llmspell.cwd / "inner")
    inner.write("i.txt", "x\n")
    first = inner.commit("inner")
    repository.git("submodule", "add", "-q", str(inner.folder), "sub")
    repository.commit("outer")
    assert ask(llmspell)["clean"]
    rows = {f["path"]: f for f in ask(llmspell, operation="files")["files"]}
    assert rows["sub"] == {"path": "sub", "size": None, "mode": "160000"}
    refused(llmspell, "invalid_params", "/file", operation="cat", file="sub")
    assert ask(llmspell, path="repo/sub", operation="log")["commits"][0]["id"] == first
    inner.write("i.txt", "y\n")
    inner.commit("inner 2")
    repository.git("-C", "sub", "pull", "-q")
    assert ask(llmspell)["unstaged"] == [{"path": "sub", "change": "modified"}]


def test_a_shallow_clone(llmspell, repository):
    for number in range(5):
        repository.write("a.txt", f"{number}\n" + "same\n" * number)
        repository.commit(f"commit {number}")
    repository.git("clone", "-q", "--depth", "2", f"file://{repository.folder}",
                   str(llmspell.cwd / "shallow"))
    log = ask(llmspell, path="shallow", operation="log")
    assert [c["subject"] for c in log["commits"]] == ["commit 4", "commit 3"]
    assert ask(llmspell, path="shallow", operation="summary")["commits"] == 2
    assert ask(llmspell, path="shallow")["clean"]
    assert ask(llmspell, path="shallow", operation="log", file="a.txt")["count"] == 2
    shown = ask(llmspell, path="shallow", operation="show", ref="HEAD~1")
    assert shown["files"][0]["change"] == "added"


def test_a_repository_of_another_user(llmspell, repository):
    if os.getuid() != 0:
        pytest.skip("only root can give files away")
    repository.write("a.txt", "x\n")
    repository.commit("first")
    for path in [repository.folder, *repository.folder.rglob("*")]:
        os.chown(path, 12345, 12345)
    assert ask(llmspell)["clean"]


def test_other_encodings(llmspell, repository):
    repository.write("a.txt", "x\n")
    repository.git("config", "i18n.commitEncoding", "ISO-8859-1")
    message = llmspell.cwd / "message"
    message.write_bytes("Grüße\n\nÜber\n".encode("latin-1"))
    repository.git("add", "-A")
    repository.git("commit", "-q", "-F", str(message))
    commit = ask(llmspell, operation="log")["commits"][0]
    assert commit["subject"] == "Grüße" and commit["body"] == "Über"
    assert ask(llmspell, operation="branches")["branches"][0]["subject"] == "Grüße"
    assert ask(llmspell, operation="search_log", grep="Grü")["count"] == 1
    (repository.folder / os.fsdecode(b"caf\xe9")).write_bytes(b"caf\xe9\n")
    repository.git("config", "--unset", "i18n.commitEncoding")
    repository.commit("names")
    files = ask(llmspell, operation="show", patch=True)
    assert files["files"][0]["path"] == "caf\ufffd" and "+caf\ufffd\n" in files["patch"]


def test_a_large_file(llmspell, repository):
    repository.write("large", b"0" * (51 << 20))
    repository.commit("large")
    message = refused(llmspell, "limit_exceeded", "/file", operation="cat", file="large")
    assert str(51 << 20) in message
    refused(llmspell, "limit_exceeded", "/file", operation="blame", file="large")
    assert ask(llmspell, operation="files")["files"][0]["size"] == 51 << 20
    assert ask(llmspell, operation="show")["files"][0]["change"] == "added"


def test_folders_that_hold_themselves(llmspell, repository):
    """A tree of 10 folders, each of which holds the next 10 times: 10^10 files."""
    blob = subprocess.run(["git", "hash-object", "-w", "--stdin"], input=b"x", check=True,
                          cwd=repository.folder, env=repository.env, capture_output=True).stdout
    entry, kind = blob.decode().strip(), "100644 blob"
    for _ in range(10):
        listing = "".join(f"{kind} {entry}\tn{i}\n" for i in range(10))
        entry = subprocess.run(["git", "mktree"], input=listing.encode(), check=True,
                               cwd=repository.folder, env=repository.env,
                               capture_output=True).stdout.decode().strip()
        kind = "040000 tree"
    commit = repository.git("commit-tree", entry, "-m", "bomb").strip()
    repository.git("update-ref", "refs/heads/main", commit)
    refused(llmspell, "limit_exceeded", "/ref", operation="files")
    refused(llmspell, "limit_exceeded", "/path", operation="show")
    refused(llmspell, "limit_exceeded", "/path", operation="status")
    assert ask(llmspell, operation="log")["count"] == 1


def test_folders_below_folders(llmspell, repository):
    name = "/".join(["d"] * 400)
    repository.write(f"{name}/a", "x")
    repository.commit("deep")
    message = refused(llmspell, "limit_exceeded", "/ref", operation="files")
    assert "256" in message
    assert ask(llmspell, operation="cat", file=f"{name}/a")["content"] == "x"


def test_odd_names(llmspell, repository):
    for name in ("-x", "a b", "a\tb", "a\"b", "*.txt", "é", "[a]"):
        repository.write(name, name)
    repository.commit("odd names")
    listed = [f["path"] for f in ask(llmspell, operation="files")["files"]]
    assert listed == sorted(["-x", "a b", "a\tb", "a\"b", "*.txt", "é", "[a]"])
    repository.write("*.txt", "other")
    repository.write("-x", "other")
    assert [f["path"] for f in ask(llmspell, operation="diff", file="*.txt")["files"]] == ["*.txt"]


def test_a_long_history_can_be_cancelled(llmspell, repository):
    stream = "".join(f"commit refs/heads/main\nmark :{n}\ncommitter A <a@b> {1_600_000_000 + n} +0000\n"
                     f"data 1\nx\n" + (f"from :{n - 1}\n" if n > 1 else "") for n in range(1, 60001))
    subprocess.run(["git", "fast-import", "--quiet"], input=stream.encode(), check=True,
                   cwd=repository.folder, env=repository.env)
    result = ask(llmspell, operation="summary")
    assert result["commits"] == 60000
    log = ask(llmspell, operation="log", limit=1)
    assert log["truncated"] and log["count"] == 1
    done = llmspell.run("--output", "json", "--set", "tools.timeout=50ms", "tool", "invoke",
                        "git_inspector", "path=repo", "operation=summary",
                        env={"TMPDIR": str(llmspell.cwd)})
    assert done.json["error"]["code"] == "timeout"
    assert done.json["duration_ms"] < 5000
