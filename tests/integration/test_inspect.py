# SPDX-License-Identifier: Apache-2.0
"""Inspection (Shift-Tab) of the Lua runtime. In the code of each row "|" is the cursor."""
import re

from jupyter_session import open_session, session  # noqa: F401 (fixtures)
from test_complete import HOSTILE, cut

CELL = '''
--- Adds <two> numbers & `returns` | their sum.
-- @param a number
--- the first one
function add(a, b, ...)
  return a + b -- </code>
end

-- far away

function plain() end
--[[ A block
  of two lines. ]]
local function hidden(x) return x end
--[==[
Level two ]] of a block
]==]
t = {f = hidden, g = function(y)
  return y
end}
----------------
-- Boxed
----------------
function t.boxed() end
-- Ends like t[a[1]]
function t.indexed() end
--[[ Short. ]]
function t.short() end
x = 1 -- no comment of the next one
function uncommented() end
Account = {name = "é\\0\\n", limit = 1.5, [1] = 10, [2] = 20, ["a b"] = true}
Account.__index = Account
--- Puts money in.
function Account:deposit(amount) end
account = setmetatable({}, Account)
tool = Tool.get("calculator")
loaded = load("--- Loaded.\\nlocal function f(q) end return f")()
named = load("function kept() end return kept", "=somewhere")()
stripped = load(string.dump(function(p) return p end, true))
long = ("x"):rep(100000)
fmt = string.format
'''


def inspect(session, marked, detail=0):
    code, cursor = cut(marked)
    return session.ask("inspect_request", {"code": code, "cursor_pos": cursor,
                                           "detail_level": detail}).reply


def plain(session, marked, detail=0):
    """The plain text; all three forms have to be there. "" if nothing was found."""
    reply = inspect(session, marked, detail)
    assert reply["status"] == "ok" and reply["metadata"] == {}
    if not reply["found"]:
        assert reply["data"] == {}
        return ""
    assert reply["data"].keys() == {"text/plain", "text/markdown", "text/html"}
    assert all(0 < len(text) < 500000 for text in reply["data"].values())
    return reply["data"]["text/plain"]


def test_what_is_said(session):
    assert session.run(CELL).reply["status"] == "ok"
    rows = [
        ("ad|d", ["add(a, b, ...)", "Defined:     In [1], lines 5 to 7", "Adds <two> numbers & `retu",
                  "@param a number\nthe first one"]),
        ("add(|", ["add(a, b, ...)"]), ("add(1, {2, |", ["add(a, b, ...)"]),
        ("add(x, (1 + |", ["add(a, b, ...)"]), ("print(add(1, |))", ["add(a, b, ...)"]),
        ("print(add(1, 2)|)", ["print(...)"]), ("add(1,\n2, |", ["add(a, b, ...)"]),
        ("plain|", ["plain()", "line 11"]),
        ("t.f|", ["t.f(x)", "A block\n  of two lines."]),
        ("t.g|", ["t.g(y)", "Level two ]] of a block", "lines 18 to 20"]),
        ("t.boxed|", ["t.boxed()", "\nBoxed"]),
        ("t.indexed|", ["\nEnds like t[a[1]]"]), ("t.short|", ["\nShort."]),
        ("account:deposit|", ["(self, amount)", "Puts money in."]),
        ("account.deposit(|", ["(self, amount)"]),
        ("loaded|", ["loaded(q)", "Loaded."]), ("named|", ["named()", "somewhere, line 1"]),
        ("stripped|", ["stripped(?"]),
        ("string.format(|", ["(formatstring, ...)", "a text by a format"]),
        ("string.form|at", ["string.format"]), ("fmt|", ["a text by a format"]),
        ("('x'):rep(|", ["(s, n [, sep])"]), ("long:upper(|", ["in upper case"]),
        ("io.stdout:seek(|", ["([whence [, offset]])"]), ("io.read(|", ["default input"]),
        ("Tool.invoke(|", ["(name, params"]), ("JSON.stringify(|", ["spaces to indent"]),
        ("Log.warn|", ["level warn"]), ("Kernel.status|", ["status_request"]),
        ("math.pi|", ["3.14159", "the number π", "float"]), ("math|", ["mathematical", "table"]),
        ("x|", ["Type:        number", "integer", "Value:       1"]),
        ("Account.name|", ["Type:        string", "4 bytes", r'"é\x00\n"']),
        ("Account.limit|", ["float", "1.5"]),
        ("Account|", ["a class", "Entries:     7", "Length:      2", "[1]", "a b", "deposit",
                      "function (self, amount)"]),
        ("account|", ["Entries:     0", "Metatable:   __index, a b, deposit"]),
        ("Account['a b']|", []), ("long|", ["100000 bytes", "…"]), ("_G|", ["all globals"]),
        ("_VERSION|", ["Lua 5.4"]),
        # what the cell itself declares
        ("--- Of this cell.\nlocal function inner(a, b) end\ninner(|",
         ["inner(a, b)", "in this cell, line 2", "Of this cell."]),
        ("local function f(param) para|m", ["parameter", "line 1"]),
        ("for i = 1, 2 do i|", ["loop variable"]), ("local add = 5 add|", ["variable"]),
        ("-- New.\nfunction brand_new(q) end brand_new(|", ["brand_new(q)", "New."]),
        ("local f = string.format f(|", ["a text by a format"]),
    ]
    for marked, parts in rows:
        text = plain(session, marked)
        assert text or not parts, marked
        for part in parts:
            assert part in text, (marked, text)
    assert "no comment" not in plain(session, "uncommented|")
    assert "far away" not in plain(session, "plain|")


def test_nothing_found(session):
    for marked in ("nowhere|", "|", " |", "x.y.z|", "-- print|", "'print|", "5|", "1 + |", "if |",
                   "f().x|", "Tool.nosuch|", "Tool.nosuch{|", "function print(|", "(|", "{|",
                   "nowhere(|", "local |", "string.nosuch|", "::|", "é|"):
        assert plain(session, marked) == "", marked


def test_source_at_detail_level_1(session, llmspell):
    session.run(CELL)
    text = plain(session, "add|", detail=1)
    assert "function add(a, b, ...)\n  return a + b -- </code>\nend" in text
    assert "return a + b" not in plain(session, "add|")
    data = inspect(session, "add|", detail=1)["data"]
    assert "-- &lt;/code&gt;\nend</code></pre>" in data["text/html"]
    assert "```lua\nfunction add" in data["text/markdown"]
    assert "Adds &lt;two&gt; numbers &amp;" in data["text/html"]
    assert r"Adds \<two\> numbers & \`returns\` \|" in data["text/markdown"]
    session.run("--- Again.\nfunction add(z) end")  # the newer one counts
    assert "Again." in plain(session, "add|") and "add(z)" in plain(session, "add|", detail=1)
    huge = "function huge()\n" + "x = 1\n" * 50000 + "end"
    session.run(huge)
    assert "…" in plain(session, "huge|", detail=1)


def test_functions_of_files(session, llmspell):
    module = llmspell.cwd / "mod.lua"
    module.write_text("local M = {}\n--- Says hello.\nfunction M.hello(who)\n  return who\nend\nreturn M\n")
    session.run(f"m = dofile('{module}')")
    text = plain(session, "m.hello(|", detail=1)
    assert "mod.lua, lines 3 to 5" in text and "Says hello." in text and "return who\nend" in text
    module.write_text("changed\n" * 5)  # what stands there now is not that function
    assert "Says hello." not in plain(session, "m.hello(|", detail=1)
    module.unlink()
    assert "hello(who)" in plain(session, "m.hello(|", detail=1)


def test_tools(session):
    session.run("tool = Tool.get('calculator') local_tools = {t = tool}")
    rows = ["Tool.calcul|ator", "Tool.calculator{|", "Tool.calculator({input = |", "tool|",
            "tool:execute{|", "tool{|", 'Tool.invoke("calculator", {|', "local_tools.t|",
            'Tool.get("calculator"):execute{|', "pcall(Tool.calculator, {|"]
    for marked in rows:
        data = inspect(session, marked)["data"]
        for part in ("Calculator", "utility", "Evaluates an arithmetic expression", "input",
                     "precision", "default 0", 'default "radians"'):
            assert part in data["text/plain"], (marked, part)
        assert 'Tool.calculator{input = "2*x+1", variables = {x = 5}}' in data["text/plain"]
        assert "<table>" in data["text/html"] and "| `input` |" in data["text/markdown"]
    parameter = plain(session, "Tool.calculator{ang|le = 1}")
    assert parameter.startswith("angle\n") and '"radians"|"degrees"' in parameter
    assert "execute" in plain(session, "tool:execute|")


def test_markdown_tables_are_whole(session):
    """No text breaks a row: each has the bars of its columns and no others."""
    session.run("odd = {['a|b'] = 'x|y', ['`'] = '<b>', ['new\\nline'] = 1}")
    markdown = inspect(session, "odd|")["data"]["text/markdown"]
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len(rows) == 5
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows), rows
    assert "&lt;b&gt;" in inspect(session, "odd|")["data"]["text/html"]


def test_hostile_values(session):
    session.run(HOSTILE + "giant = {} for i = 1, 200000 do giant['k' .. i] = giant end "
                "cyclic.self = cyclic deep = {} for i = 1, 9999 do deep = {deep} end "
                "odd = setmetatable({}, {__metatable = false, __index = 'x'}) "
                "co = coroutine.create(print) bad = load('return function() end', '=' .. "
                "('n'):rep(9999))() pipe = load('\\n\\nreturn function() end', '@/dev/zero')()")
    for name in ("evil", "cyclic", "chain", "strange", "failing", "giant", "deep", "odd", "co",
                 "bad", "pipe", "io.stdout"):
        assert name in plain(session, f"{name}|", detail=1), name
    assert "Entries:     100000 or more" in plain(session, "giant|")
    for marked in ("evil.x|", "evil[1]|", "evil:f(|", "failing.x(|"):
        assert plain(session, marked) == "", marked
    assert session.run("return 6 * 7").value == "42"


def test_cursor_counts_code_points(session):
    session.run("function zig(a) end")
    code = "'é🙂ü' .. zig(1)"
    for cursor, found in ((9, True), (12, True), (0, False), (3, False), (10 ** 9, False)):
        reply = session.ask("inspect_request", {"code": code, "cursor_pos": cursor,
                                                "detail_level": 0}).reply
        assert reply["found"] is found, cursor
