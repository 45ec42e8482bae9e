# SPDX-License-Identifier: Apache-2.0
"""csv_analyzer, yaml_processor, statistics_calculator and data_converter against other
implementations (csv, statistics, tomllib, PyYAML), with files too large for cases, and stopped in
the midst of their work."""
import csv
import json
import random
import statistics
import time

import pytest
import yaml

tomllib = pytest.importorskip("tomllib")


@pytest.fixture
def invoke(llmspell):
    def call(tool, params, *options):
        done = llmspell.run("tool", "invoke", *options, tool, "--params", "-", "--output", "json",
                            input=json.dumps(params), env={"TMPDIR": str(llmspell.cwd)})
        return done.json
    call.cwd = llmspell.cwd
    return call


def result(reply):
    assert reply["status"] == "ok", reply
    return reply["result"]


def write_table(path, rows):
    generator = random.Random(1)
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "name", "price", "note"])
        for i in range(rows):
            out.writerow([i, f"name{i % 500}", round(generator.gauss(50, 20), 2),
                          "" if i % 7 else f'a "quoted", note\nof {i % 11}'])


def test_a_large_file_is_profiled_as_python_does_it(invoke):
    write_table(invoke.cwd / "t.csv", 150_000)
    with open(invoke.cwd / "t.csv", newline="") as file:
        rows = list(csv.reader(file))[1:]
    profile = result(invoke("csv_analyzer", {"path": "t.csv", "max_rows": 5_000_000}))
    assert profile["row_count"] == len(rows) and profile["ragged_rows"] == 0
    identity, name, price, note = profile["columns"]
    assert identity["unique_count"] == -1 and identity["max"] == len(rows) - 1
    assert name["unique_count"] == 500 and name["top"][0] == {"value": "name0", "count": 300}
    prices = [float(row[2]) for row in rows]
    assert price["mean"] == pytest.approx(statistics.fmean(prices), rel=1e-12)
    assert price["std_dev"] == pytest.approx(statistics.stdev(prices), rel=1e-12)
    assert price["median"] == statistics.median(prices)
    assert note["null_count"] == sum(row[3] == "" for row in rows)
    described = result(invoke("statistics_calculator", {"path": "t.csv", "column": "price"}))
    assert described["variance"] == pytest.approx(statistics.variance(prices), rel=1e-12)


def test_rows_are_the_same_by_filter_sort_and_csv(invoke):
    write_table(invoke.cwd / "t.csv", 5_000)
    with open(invoke.cwd / "t.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    wanted = sorted((row for row in rows if float(row["price"]) > 60), key=lambda row: float(row["price"]))
    found = result(invoke("csv_analyzer", {
        "operation": "filter", "path": "t.csv", "where": "price > 60", "sort": [{"column": "price"}],
        "output": "csv", "limit": 100_000}))
    assert found["total"] == len(wanted)
    assert list(csv.DictReader(found["output"].splitlines(keepends=True))) == wanted


@pytest.mark.parametrize("tool,params,size", [
    ("csv_analyzer", {}, 200), ("yaml_processor", {}, 50), ("data_converter", {"to": "json"}, 50),
    ("statistics_calculator", {"column": "a"}, 50)])
def test_a_file_beyond_the_limit_is_not_read(invoke, tool, params, size):
    with open(invoke.cwd / "big", "wb") as file:
        file.truncate((size << 20) + 1)
    error = invoke(tool, {"path": "big", **params})["error"]
    assert (error["code"], error["path"]) == ("limit_exceeded", "/path")


SLOW_STEPS = [{"op": "add", "column": "x", "expression": "sin(a)^2 + cos(a)^2 + sqrt(abs(a))"}] * 50


@pytest.mark.parametrize("tool,params", [
    ("yaml_processor", {"operation": "query", "input": "1", "query": "last(range(1e12))"}),
    ("csv_analyzer", {"operation": "transform", "path": "t.csv", "max_rows": 400_000, "steps": SLOW_STEPS}),
    ("csv_analyzer", {"operation": "validate", "path": "words.csv", "max_rows": 5_000_000,
                      "columns": {"a": {"pattern": "(a|aa|aaa)*[bc]"}}}),
    ("csv_analyzer", {"operation": "filter", "path": "t.csv", "max_rows": 5_000_000,
                      "sort": [{"column": "b"}, {"column": "a"}]})])
def test_work_ends_soon_after_its_time_is_over(invoke, tool, params):
    generator = random.Random(2)
    if params.get("path") == "t.csv":
        line = "".join(f"{generator.gauss(0, 1)},{generator.random()},2024-01-01\n" for _ in range(10_000))
        (invoke.cwd / "t.csv").write_text("a,b,c\n" + line * 200)
    if params.get("path") == "words.csv":
        (invoke.cwd / "words.csv").write_text("a\n" + "aaaaaaaaaaaaaaa\n" * 1_000_000)
    start = time.monotonic()
    reply = invoke(tool, params, "--timeout", "1")
    assert reply["status"] == "error" and reply["error"]["code"] == "timeout", reply
    assert time.monotonic() - start < 4


def column(values):
    return "a\n" + "".join(f"{value}\n" for value in values)


def test_different_values_are_counted_to_100_000(invoke):
    exact = result(invoke("csv_analyzer", {"input": column(range(100_000)), "max_rows": 200_000}))["columns"][0]
    assert (exact["unique_count"], exact["median"]) == (100_000, 49999.5)
    more = result(invoke("csv_analyzer", {"input": column(range(100_001)), "max_rows": 200_000}))
    assert (more["row_count"], more["columns"][0]["unique_count"], more["columns"][0]["max"]) == (100_001, -1, 100_000)


@pytest.mark.parametrize("params", [
    {"operation": "join", "input": "k\n" + "1\n" * 3000, "right": "k\n" + "1\n" * 3000, "on": "k"},
    {"operation": "convert", "path": "ones.csv", "max_rows": 5_000_000},
    {"operation": "transform", "input": "i,k\n" + "".join(f"1,{k}\n" for k in range(10_001)),
     "steps": [{"op": "pivot", "index": "i", "columns": "k", "values": "i"}]}])
def test_a_result_beyond_all_bounds_is_refused(invoke, params):
    if "path" in params:
        (invoke.cwd / "ones.csv").write_text("a\n" + "1\n" * 3_000_000)
    assert invoke("csv_analyzer", params)["error"]["code"] == "limit_exceeded"


def test_many_columns_of_one_name_take_no_time(invoke):
    names = ",".join(["a"] * 50_000)
    start = time.monotonic()
    columns = result(invoke("csv_analyzer", {
        "operation": "join", "input": names + ",k\n", "right": names + ",k\n", "on": "k"}))["columns"]
    assert columns[49_999:50_002] == ["a_50000", "k", "a_right"] and len(set(columns)) == 100_001
    row = ",".join(["1"] * 50_000)
    output = result(invoke("data_converter", {"input": f"{names}\n{row}\n", "from": "csv", "to": "json"}))["output"]
    assert len(json.loads(output)[0]) == 50_000
    assert time.monotonic() - start < 20


def test_a_pivot_is_what_python_makes_of_it(invoke):
    generator = random.Random(3)
    rows = [(generator.randrange(40), f"c{generator.randrange(300)}", generator.randrange(1000)) for _ in range(20_000)]
    text = "i,k,v\n" + "".join(f"{i},{k},{v}\n" for i, k, v in rows)
    table = result(invoke("csv_analyzer", {
        "operation": "transform", "input": text,
        "steps": [{"op": "pivot", "index": "i", "columns": "k", "values": "v", "agg": "max"}]}))
    wanted = {}
    for i, k, v in rows:
        wanted[i, k] = max(v, wanted.get((i, k), v))
    assert table["columns"] == ["i", *sorted({k for _, k, _ in rows})]
    assert [row[0] for row in table["rows"]] == list(dict.fromkeys(i for i, _, _ in rows))
    for row in table["rows"]:
        for name, cell in zip(table["columns"][1:], row[1:]):
            assert cell == wanted.get((row[0], name))


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1258", "shift_jisx0213", "iso2022_jp", "gb18030", "big5hkscs"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_nothing_of_a_file_in_another_encoding_is_lost(invoke, encoding):
    words = {"cp1258": "Vie", "gb18030": "中\U0001F600"}.get(encoding, "Vie" if "8" in encoding else "中")
    lines = "n\n" + "".join(f"{words}{i}\n" for i in range(120_000)) + words
    (invoke.cwd / "t.csv").write_bytes(lines.encode(encoding))
    found = result(invoke("csv_analyzer", {
        "operation": "filter", "path": "t.csv", "offset": 119_999, "max_rows": 1_000_000,
        "encoding": {"utf-8-sig": "utf-8", "iso2022_jp": "ISO-2022-JP", "big5hkscs": "BIG5-HKSCS"}.get(encoding, encoding)}))
    assert found["rows"] == [[f"{words}119999"], [words]]


@pytest.mark.parametrize("encoding,data", [
    ("utf-8", b"a\n\xff\n"), ("utf-8", b"a\n\xe2\x82"), ("utf-16", b"a\0\n\0\0"), ("shift_jis", b"a\n\x81"),
    ("UCS-4", b"\0\0\0a\0\0\0\n\x12\0\0\0\0\0\0\n")])
def test_bytes_that_are_not_of_the_encoding_are_refused(invoke, encoding, data):
    (invoke.cwd / "t.csv").write_bytes(data)
    error = invoke("csv_analyzer", {"operation": "filter", "path": "t.csv", "encoding": encoding})["error"]
    assert (error["code"], error["path"]) == ("parse_error", "/path")


TOML = [
    "a = 1\n[b]\nc = [1, 2.5, \"x\", [true]]\n", "a.b.c = 1\na.d = 2\n[e.f]\n[e]\ng = {h.i = 1, j = []}\n",
    "[[p]]\nn = 1\n[[p.q]]\nr = 1\n[[p]]\n[p.s]\nt = 0x1f\n", "x = 1_000\ny = 6.02e+23\nz = -0.5\n",
    "s = '''\na\n'b''c'''\nt = \"\"\"x \\\n  y\"\"\"\n", "\"a b\".'c.d' = \"\\u00e9\\U0001F600\"\n",
    "a = 1\na.b = 2\n", "[a]\n[a]\n", "a = [1,,2]\n", "a = {b = 1,}\n", "[[a]]\n[a]\n", "a = 1__0\n",
]


@pytest.mark.parametrize("text", TOML)
def test_toml_is_read_and_written_as_tomllib_reads_it(invoke, text):
    reply = invoke("data_converter", {"input": text, "from": "toml", "to": "json"})
    try:
        wanted = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assert reply["error"]["code"] == "parse_error"
        return
    assert json.loads(result(reply)["output"]) == wanted
    written = result(invoke("data_converter", {"value": wanted, "to": "toml"}))["output"]
    assert tomllib.loads(written) == wanted


PIECES = ["a", "b c", " ", "\n", "\t", ": ", " #", "- ", "? ", "[", "]", "{", ",", "&a", "*a", "!x", "|", ">",
          "%", "@", "'", '"', "\\", "\r", "\x07", "\x85", "\u2028", "\ufeff", "é", "😀", "~", "null", "1", ".inf",
          "---", "<<", "0o7"]


def text(generator):
    return "".join(generator.choice(PIECES) for _ in range(generator.randint(0, 5)))


def value(generator, depth=0):
    kind = generator.random()
    if depth > 3 or kind < 0.5:
        return text(generator)
    if kind < 0.75:
        return [value(generator, depth + 1) for _ in range(generator.randint(0, 3))]
    return {text(generator): value(generator, depth + 1) for _ in range(generator.randint(0, 3))}


@pytest.mark.parametrize("style", [{}, {"flow": True}, {"indent": 4}, {"width": 20}, {"flow": True, "width": 20}])
def test_yaml_reads_back_as_it_was(invoke, style):
    wanted = value(random.Random(len(str(style))), -4)
    wanted = [wanted, [value(random.Random(seed)) for seed in range(200)]]
    output = result(invoke("yaml_processor", {"operation": "emit", "value": wanted, **style}))["output"]
    assert result(invoke("yaml_processor", {"input": output}))["value"] == wanted
    if "flow" not in style:  # there PyYAML ends a plain scalar at each ?, as YAML 1.1 has it
        assert yaml.load(output, Loader=yaml.BaseLoader) == wanted
    again = result(invoke("yaml_processor", {"operation": "format", "input": output, **style}))["output"]
    assert again == output
