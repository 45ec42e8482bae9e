# SPDX-License-Identifier: Apache-2.0
"""Completion and is_complete of the Lua runtime, as a front end asks for them. In the code of each
row "|" is the cursor."""
import pytest

from jupyter_session import open_session, session  # noqa: F401 (fixtures)

SETUP = r"""
obj = {alpha = 1, alpine = {beta = {"x"}}, run = function(self, speed) end, _hidden = 1,
       ["two words"] = {deep = 1}, ['quo"te'] = 2, ["new\nline"] = 3, [1] = 4}
setmetatable(obj, {__index = {inherited = print, plain = 5}})
Account = {} Account.__index = Account
function Account:deposit(amount, ...) end
account = setmetatable({balance = 1}, Account)
text = "text"
tool = Tool.get("calculator")
zipper, zigzag, Zion = 1, 2, 3
function zip(a, b) end
"""
HOSTILE = r"""
evil = setmetatable({}, {
  __index = function() while true do end end, __pairs = function() while true do end end,
  __len = function() while true do end end, __call = function() while true do end end,
  __tostring = function() while true do end end, __name = setmetatable({}, {}),
  __eq = function() while true do end end})
cyclic = {} cyclic.__index = cyclic setmetatable(cyclic, cyclic)
chain = {} for i = 1, 200 do chain = setmetatable({["level" .. i] = i}, {__index = chain}) end
strange = {["\255\254"] = 1, ["\0"] = 2, [("k"):rep(100000)] = 3, [print] = 4, ok_key = 5}
failing = setmetatable({}, {__index = function() error("ran") end,
                            __tostring = function() error("ran") end})
"""


def cut(marked):
    """The code without its cursor, and where that stood."""
    assert marked.count("|") == 1, marked
    return marked.replace("|", ""), marked.index("|")


def complete(session, marked):
    code, cursor = cut(marked)
    reply = session.ask("complete_request", {"code": code, "cursor_pos": cursor}).reply
    assert reply["status"] == "ok"
    types = reply["metadata"]["_jupyter_types_experimental"]
    assert [entry["text"] for entry in types] == reply["matches"]
    assert all((entry["start"], entry["end"]) == (reply["cursor_start"], reply["cursor_end"])
               for entry in types)
    assert reply["cursor_end"] == cursor and 0 <= reply["cursor_start"] <= cursor
    return reply


def offered(session, marked):
    return complete(session, marked)["matches"]


def test_what_is_offered(session):
    """All rows in one kernel: (code, exactly these)."""
    session.run(SETUP)
    rows = [
        ("zi|", ["zigzag", "zip", "zipper", "Zion"]),     # what fits with its case comes first
        ("x = zi| + 1", ["zigzag", "zip", "zipper", "Zion"]),
        ("ZI|", ["Zion", "zigzag", "zip", "zipper"]),
        ("nothing_at_all|", []),
        ("obj.al|", ["alpha", "alpine"]),
        ("obj.|", ["alpha", "alpine", "inherited", "plain", "run"]),
        ("obj._|", ["_hidden"]),
        ("obj.inh|", ["inherited"]),
        ("obj:|", ["inherited", "run"]),
        ("obj.alpine.|", ["beta"]),
        ('obj["alpine"].be|', ["beta"]),
        ("obj['two words'].|", ["deep"]),
        ("obj.alpine.beta[1]:rep|", ["rep"]),
        ("account:de|", ["deposit"]),
        ("account.ba|", ["balance"]),
        ("text:up|", ["upper"]),
        ("('x'):up|", ["upper"]),
        ("io.stdout:se|", ["seek", "setvbuf"]),
        ("string.form|", ["format"]),
        ("whi|", ["while"]),
        ("x.whi|", []),
        ("f().a|", []),
        ("1.|", []),
        ("-- zi|", []),
        ("--[[ zi|", []),
        ("x = 'zi|", []),
        ("x = [[zi|", []),
        ("x = 'zi' zi|", ["zigzag", "zip", "zipper", "Zion"]),
        ("é🙂 = 'ü' .. zigz|", ["zigzag"]),
        # keys in brackets
        ("obj['two|", ["two words']"]),
        ('obj["two|', ['two words"]']),
        ('obj["two|"]', ["two words"]),
        ('obj["two|]', ['two words"']),
        ('obj["quo|', ['quo\\"te"]']),
        ("obj['quo|", ["quo\"te']"]),
        ('obj["new|', ['new\\010line"]']),
        ('account[|', ['"__index"]', '"balance"]', '"deposit"]']),
        ("obj['two words']['|", ["deep']"]),
        ("nowhere['|", []),
        # names that the cell declares
        ("local counter = 1 print(coun|", ["counter"]),
        ("for index, value in pairs(t) do ind|", ["index"]),
        ("do local inner = 1 end inne|", []),
        ("if x then local yes_it_is = 1 else yes_i|", []),
        ("function f(parameter) return para|", ["parameter"]),
        ("function f(parameter) end para|", []),
        ("function obj:m() return sel|", ["select", "self"]),
        ("local function helper(a) end hel|", ["helper"]),
        ("function brand_new() end brand|", ["brand_new"]),
        ("brand_new = 1\nbrand|", ["brand_new"]),
        ("f{brand_new = 1} brand|", []),
        ("local o = obj.alpine o.|", ["beta"]),
        ("local string = string string.form|", ["format"]),
        ("local s = 'x' s:upp|", ["upper"]),
        ("local string = 5 string.form|", []),
        # half code
        ("if x then for i = 1, 2 do zigz|", ["zigzag"]),
        ("f(function() zigz|", ["zigzag"]),
        ("}}} ))) ]] end end zigz|", ["zigzag"]),
        ("obj.|alpine", ["alpha", "alpine", "inherited", "plain", "run"]),
        ("|", None),
    ]
    for marked, expected in rows:
        matches = offered(session, marked)
        assert expected is None and len(matches) > 40 or matches == expected, marked


def test_tools(session):
    session.run(SETUP)
    rows = [
        ("Tool.calc|", ["calculator"]),
        ("Tool:calc|", []),
        ("Tool.inv|", ["invoke"]),
        ("Tool.calculator:|", ["execute", "getSchema", "invoke"]),
        ("tool:ex|", ["execute"]),
        ("Tool.calculator{|", ["angle=", "input=", "operation=", "precision=", "variables="]),
        ("Tool.calculator{in|", ["input="]),
        ("Tool.calculator({in|", ["input="]),
        ("Tool.calculator{in|put = 3}", ["input"]),
        ('Tool.calculator{input = "1", |', ["angle=", "operation=", "precision=", "variables="]),
        ('Tool.calculator{input = f(1, 2), operation = {x = 1},\n  |',
         ["angle=", "precision=", "variables="]),
        ('Tool.calculator{|, input = "1", angle = "degrees"}',
         ["operation=", "precision=", "variables="]),
        ('Tool.invoke("calculator", {in|', ["input="]),
        ("Tool.invoke('calculator', {inp|", ["input="]),
        ("tool:execute{in|", ["input="]),
        ("tool:invoke({in|", ["input="]),
        ("tool{in|", ["input="]),
        ("Tool.calculator:execute{in|", ["input="]),
        ('Tool.get("calculator"){in|', ["input="]),
        ('Tool.get("calculator"):execute{in|', ["input="]),
        ('local t = Tool.get("calculator") t:execute{in|', ["input="]),
        ("local t = Tool.calculator t{in|", ["input="]),
        ("pcall(Tool.calculator, {in|", ["input="]),
        ('Tool.calculator{operation="|', ["evaluate", "functions", "validate"]),
        ("Tool.calculator{operation='ev|'}", ["evaluate"]),
        ('Tool.calculator{angle = |', ['"degrees"', '"radians"']),
        ('Tool.calculator{input = "|', []),
        ('Tool.calculator{input = zigz|', ["zigzag"]),
        ('x = {in|', None),
        ('Tool.nosuch{inp|', []),
        ('Tool.invoke("calc|', ["calculator"]),
        ('Tool.get "calc|', ["calculator"]),
        ("Tool.info('calc|')", ["calculator"]),
        ('Tool.exists("calc|', ["calculator"]),
        ('Tool.list("util|', ["utility"]),
        ('print("calc|', []),
    ]
    for marked, expected in rows:
        matches = offered(session, marked)
        assert expected is None and "input=" not in matches or matches == expected, marked


def test_types_and_signatures(session):
    session.run(SETUP)

    def entry(marked):
        reply = complete(session, marked)
        return reply["metadata"]["_jupyter_types_experimental"][0]

    rows = [
        ("zip|", "function", "(a, b)"), ("account:dep|", "function", "(self, amount, ...)"),
        ("string.gsu|", "function", "(s, pattern, repl [, n])"), ("strin|", "module", None),
        ("Accou|", "class", None), ("accoun|", "instance", None), ("obj.alph|", "property", None),
        ("whil|", "keyword", None), ("local lo_cal = 1 lo_c|", "instance", None),
        ("Tool.calculator{inp|", "param", "string"), ("Tool.uuid_g|", "function", "{"),
    ]
    for marked, kind, signature in rows:
        found = entry(marked)
        assert found["type"] == kind, marked
        if signature == "{":
            assert found["signature"].startswith("{") and ": " in found["signature"]
        else:
            assert found.get("signature") == signature, marked


def test_cursor_positions(session):
    session.run("zigzag = 1")
    ask = lambda code, cursor: session.ask(
        "complete_request", {"code": code, "cursor_pos": cursor}).reply
    reply = ask("é🙂 = 'ü' .. zigz", 16)
    assert (reply["matches"], reply["cursor_start"], reply["cursor_end"]) == (["zigzag"], 12, 16)
    for cursor in (10 ** 9, -5, None, "x"):  # the end
        assert ask("zigz", cursor)["matches"] == ["zigzag"]
    assert ask("", 0)["cursor_end"] == 0
    assert ask("a\0b = zigz", 10)["matches"] == ["zigzag"]


def test_modules_for_require(llmspell, open_session):
    lib = llmspell.cwd / "lib"
    (lib / "zoo" / "deep").mkdir(parents=True)
    for name in ("zebra.lua", "zoo/init.lua", "zoo/ape.lua", "zoo/deep/one.lua", "zfile.txt",
                 ".zhidden.lua"):
        (lib / name).write_text("return 1")
    (lib / "zempty").mkdir()
    llmspell.env["LLMSPELL_RUNTIME_LUA_PATH"] = str(lib)
    session = open_session(llmspell.start()["connection_file"])
    session.run("package.preload.zpre = print; package.cpath = package.cpath .. ';/nowhere/?.so'")
    rows = [('require "z|', ["zebra", "zoo", "zpre"]), ("require('zo|')", ["zoo"]),
            ('require "zoo.|', ["zoo.ape"]), ('require "zoo.deep.|', ["zoo.deep.one"]),
            ('require "stri|', ["string"]), ('require "../|', []), ('require "zoo/|', []),
            ('x.require "z|', [])]
    for marked, expected in rows:
        assert offered(session, marked) == expected, marked


def test_nothing_of_the_script_runs(session):
    """Metamethods that never end, hooks, finalizers: none is called."""
    assert session.run(HOSTILE).reply["status"] == "ok"
    rows = [("evil.|", []), ("evil.x.y.|", []), ("evil:|", []), ("evil['|", []), ("ev|", ["evil"]),
            ("evil.x[1].|", []), ("cyclic.|", []), ("cyclic.__in|", ["__index"]),
            ("strange.|", ["ok_key"]), ("failing.x.|", []), ("chain.level200|", ["level200"]),
            ("chain.level1|", None), ("strange['ok|", ["ok_key']"]), ("evil{|", None),
            ("evil:execute{|", None), ("evil('|", [])]
    for marked, expected in rows:
        matches = offered(session, marked)
        assert expected is None or matches == expected, marked
    assert r"\255\254']" in offered(session, "strange['|")
    session.run("local _ = setmetatable(_G, {__index = function() while true do end end})")
    assert offered(session, "evi|") == ["evil"] and offered(session, "unknown.x.|") == []


def ask_much(session):
    for i in range(100):
        code = f"unknown{i}.name{i}.x"
        for msg_type in ("complete_request", "inspect_request", "is_complete_request"):
            seen = session.ask(msg_type, {"code": code, "cursor_pos": len(code)})
            assert seen.types == ["status", "status"]


def test_no_hook_runs(session):
    code = "debug.sethook() print(hits) debug.sethook(function() hits = hits + 1 end, 'crl')"
    session.run(f"hits = 0 {code}")
    counts = [int(session.run(code).text()) for _ in range(3)]
    ask_much(session)
    assert int(session.run(code).text()) - counts[2] == counts[2] - counts[1] > 0


def test_no_finalizer_runs(session):
    session.run("for i = 1, 1000 do "
                "setmetatable({}, {__gc = function() print('collected') end}) end")
    ask_much(session)
    assert "collected" in session.run("collectgarbage()").text()


def test_large_tables(session):
    session.run("big = {} for i = 1, 300000 do big['key' .. i] = i end")
    matches = offered(session, "big.|")
    assert len(matches) == 2000 and matches == sorted(matches)
    matches = offered(session, "big.key29|")  # only so many entries are looked at
    assert 0 < len(matches) <= 2000 and all(text.startswith("key29") for text in matches)
    code = "local t = {" + "a = f(1), " * 60000 + "} zigz"
    assert session.ask("complete_request", {"code": code, "cursor_pos": len(code)}).reply[
        "status"] == "ok"


def test_requests_without_code(session):
    for msg_type in ("complete_request", "inspect_request", "is_complete_request"):
        for content in ({}, {"code": None}, {"code": 5, "cursor_pos": "x"}, {"code": []}):
            assert session.ask(msg_type, content).reply["status"] == "error"
    assert session.run("6 * 7").value == "42"


# ---- is_complete_request ----

@pytest.mark.parametrize("status, codes", [
    ("complete", ["", " \n", "x", "x = 1", "1 + 1", "f(1)", "return 5", "x, y", "-- note", "x = 1 ;",
                  "for i = 1, 2 do print(i) end", "function f() end", "[[a\nb]]", "'a\\\nb'",
                  "#!/usr/bin/lua\nx = 1", "\ufeffx = 1", "f{\n}", "a = 1\nb = 2\na + b",
                  "goto out ::out::", "local x <const> = 1", "while true do end", "os.exit()",
                  "function() return 1 end", "x --[[ in ]] + 1",
                  "x = 5 5", "return"]),
    ("incomplete", ["for i = 1, 2 do", "if x then", "if x then y() else", "repeat", "while x do",
                    "function f(", "function f()", "f(", "x = {", "x = {1,", "x =", "1 +", "x and",
                    "x.", "x:", "[[a", "x = [==[ ]]", "--[[ a", "'a\\", "'a\\z  ", "1 + [[abc",
                    "return 1 +", "not", "x = function()", "f(function()", "t[", "local",
                    "local x =", "function", "a = 1\nfor", "f{[[", "#", "-", "x = 1\nx +"]),
    ("invalid", ["x = = 1", "end", "'open", '"open\nx"', "x = )", "1 1", "for i do", "goto nowhere",
                 "break", "local function 1", "x = '\\q'", "\x1bLua", "$", "é = 1",
                 "f(]", "return 1 2", "= 5", "local x <wrong> = 1", "(" * 300, "::a:: ::a::",
                 "x = 0x", "for i = 1 do", "if x then end end", "x = = [[open"]),
])
def test_is_complete(session, status, codes):
    for code in codes:
        reply = session.ask("is_complete_request", {"code": code}).reply
        assert reply["status"] == status, code
        assert ("indent" in reply) == (status == "incomplete"), code


@pytest.mark.parametrize("code, indent", [
    ("for i = 1, 2 do", "  "), ("for i = 1, 2 do\n  if x then", "    "),
    ("for i = 1, 2 do\n    if x then", "        "), ("if x then\n\ty = {", "\t\t"),
    ("if x then\n  y()\nelse", "  "), ("f({", "  "), ("x =", ""), ("  x =", "  "),
    ("x = [[\n   text", ""), ("--[[ a", ""), ("if x then\n  y()\nend\nf(", "  "),
    ("do " * 100, "  "),
])
def test_indent(session, code, indent):
    reply = session.ask("is_complete_request", {"code": code}).reply
    assert (reply["status"], reply["indent"]) == ("incomplete", indent)


def test_is_complete_of_much_code(session):
    line = "local x = f(1, 'two', {3}) -- text\n"
    code = "function f() " + "x = f(1, 'two', {3}) -- text\n" * (2 ** 20 // len(line))
    assert session.ask("is_complete_request", {"code": code}).reply["status"] == "incomplete"
    assert session.ask("is_complete_request", {"code": code + "end"}).reply["status"] == "complete"
