# SPDX-License-Identifier: Apache-2.0
"""What a stopped program shows: scopes, variables of every kind, pages; and changing them."""
import json
import time

import pytest

import dap_session
from dap_session import (  # noqa: F401 (fixtures)
    SLOW, connect, daemon_port, dap, debugger_port, llmspell, open_dap, script, start_stdio)


def stop(dap, script, text, line=None):
    """Stops on the last line, or on the one given; the top frame."""
    path = script(text)
    dap.begin(path, [line or text.rstrip("\n").count("\n") + 1])
    return dap.stopped("breakpoint")[1]


def end(dap):
    dap.resume()
    assert dap.finish() == 0


def test_scopes(dap, script):
    frame = stop(dap, script, "local up = 1\nglobal = 'g'\nlocal function f(a, ...)\n  local b = up + a\n"
                 "  print(b)\nend\nf(2, 'v', nil)\n", 5)
    scopes = {s["name"]: s for s in dap.ask("scopes", frameId=frame["id"])["scopes"]}
    assert list(scopes) == ["Locals", "Varargs", "Upvalues", "Globals"]
    assert scopes["Locals"]["presentationHint"] == "locals" and scopes["Globals"]["expensive"] is True
    assert {n: v["value"] for n, v in dap.locals(frame).items()} == {"a": "2", "b": "3"}
    varargs = dap.variables(scopes["Varargs"]["variablesReference"])
    assert [v["value"] for v in varargs.values()] == ['"v"', "nil"]
    assert dap.variables(scopes["Upvalues"]["variablesReference"])["up"]["value"] == "1"
    assert dap.variables(scopes["Globals"]["variablesReference"])["global"]["value"] == '"g"'
    end(dap)


def test_types_and_values(dap, script):
    frame = stop(dap, script, "local i, f, b, s, n = 42, 1.5, true, 'text', nil\nlocal big = math.mininteger\n"
                 "local nan, inf, whole = 0/0, math.huge, 2.0\nlocal t, fn, th, ud = {}, function() end, coroutine.create(print), io.stdout\n"
                 "print(i)\n")
    v = dap.locals(frame)
    def shown(name):
        return v[name]["type"], v[name]["value"]
    assert shown("i") == ("integer", "42") and shown("f") == ("float", "1.5")
    assert shown("b") == ("boolean", "true") and shown("s") == ("string", '"text"')
    assert shown("n") == ("nil", "nil") and shown("whole") == ("float", "2.0")
    assert v["big"]["value"] in ("-9223372036854775808", "math.mininteger")
    assert "nan" in v["nan"]["value"] and v["inf"]["value"] in ("inf", "math.huge")
    assert [v[n]["type"] for n in ("t", "fn", "th", "ud")] == ["table", "function", "thread", "userdata"]
    end(dap)


def test_shadowed_locals_and_blocks(dap, script):
    frame = stop(dap, script, "local x = 1\ndo\n  local x = 2\n  local hidden = 3\nend\nlocal y = x\nprint(y)\n")
    v = dap.locals(frame)
    assert v["x"]["value"] == "1" and "hidden" not in v and v["y"]["value"] == "1"
    end(dap)


def test_strings_that_are_not_text(dap, script):
    frame = stop(dap, script, r"""local binary = '\0\1\xff\xfe "quoted" \n'
local uml = 'ü€😀'
local long = ('x'):rep(1000000)
print(1)
""")
    v = dap.locals(frame)
    assert v["uml"]["value"] == '"ü€😀"'
    assert "\\" in v["binary"]["value"] and "\x00" not in v["binary"]["value"]
    assert len(v["long"]["value"]) < 100000
    assert len(dap.evaluate("long", frame, "clipboard")["result"]) >= 1000000
    print_of = dap.evaluate("binary", frame)
    assert print_of["result"]
    end(dap)


def test_binary_output_is_valid_utf8(dap, script):
    dap.begin(script(r"io.write('\xff\0\xc3') print('ok') error('\xfe')"))
    assert dap.finish() == 1
    assert "ok" in dap.output()


def test_output_that_looks_like_the_protocol(dap, script):
    text = 'Content-Length: 20\\r\\n\\r\\n{"seq":1}'
    dap.begin(script(f"print('{text}')"))
    assert dap.finish() == 0
    assert dap.output() == text.encode().decode("unicode_escape") + "\n"


def test_keys_of_any_type(dap, script):
    frame = stop(dap, script, "local t = {10, 20, name = 1, ['a b'] = 2, [1.5] = 3, [true] = 4, [-1] = 5, ['\\n\"'] = 6, ['end'] = 7}\n"
                 "t[t] = 8\nt[print] = 9\nt['\\xff'] = 10\nt[''] = 11\nprint(t)\n")
    body = dap.ask("variables", variablesReference=dap.locals(frame)["t"]["variablesReference"])["variables"]
    values = {v["name"]: v["value"] for v in body}
    assert len(values) == 13 and values["name"] == "1" and values["[1]"] == "10"
    assert {"[1.5]", "[true]", "[-1]", "[2]"} <= set(values)
    assert sorted(values.values(), key=int) == sorted(["10", "20", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"], key=int)
    for v in body:
        if v.get("evaluateName"):
            assert dap.evaluate(v["evaluateName"], frame)["result"] == v["value"], v
    end(dap)


def test_order_does_not_change(dap, script):
    frame = stop(dap, script, "local t = {}\nfor i = 1, 40 do t['k' .. i] = i end\nprint(t)\n")
    names = list(dap.variables(dap.locals(frame)["t"]["variablesReference"]))
    assert names == [f"k{i}" for i in range(1, 41)]  # natural order
    end(dap)


def test_cycles_and_metatables(dap, script):
    frame = stop(dap, script, "local t = {}\nt.self = t\nlocal mt = {}\nmt.__index = mt\nmt.mt = mt\nsetmetatable(t, mt)\n"
                 "setmetatable(mt, mt)\nprint(1)\n")
    at = dap.locals(frame)["t"]
    for _ in range(5):
        fields = dap.variables(at["variablesReference"])
        assert fields["[[metatable]]"]["variablesReference"]
        at = fields["self"]
    mt = fields["[[metatable]]"]
    for _ in range(5):
        mt = dap.variables(mt["variablesReference"])["[[metatable]]"]
    end(dap)


@pytest.mark.parametrize("metatable", [
    "{__tostring = function() error('no') end}", "{__tostring = function() return 7 end}",
    "{__index = function() error('no') end}", "{__pairs = function() error('no') end}",
    "{__len = function() error('no') end}", "{__metatable = false}", "{__name = 5}",
    "{__tostring = function() while true do end end}", "{__eq = error, __lt = error, __call = error}",
    "{__tostring = function() return ('x'):rep(1e6) end}", "{__index = function() while true do end end}",
    "{__tostring = function() coroutine.yield() end}", "{__tostring = function(t) return tostring(t) end}"])
def test_metamethods_that_fail_lose_nothing(dap, script, metatable):
    frame = stop(dap, script, f"local t = setmetatable({{x = 1}}, {metatable})\nlocal other = 5\nprint(1)\n")
    v = dap.locals(frame)
    assert v["other"]["value"] == "5"
    assert dap.variables(v["t"]["variablesReference"])["x"]["value"] == "1"
    assert dap.frames()[0]["line"] == 3
    end(dap)
    assert dap.output() == "1\n"


def test_tostring_is_shown(dap, script):
    frame = stop(dap, script, "local p = setmetatable({x = 1}, {__tostring = function(p) return 'P' .. p.x end})\n"
                 "local n = setmetatable({}, {__name = 'Named'})\nprint(1)\n")
    v = dap.locals(frame)
    assert "P1" in v["p"]["value"] and "Named" in v["n"]["value"]
    end(dap)


def test_a_hundred_thousand_elements(dap, script, monkeypatch):
    monkeypatch.setattr(dap_session, "check", lambda message: None)  # it is slower than the kernel
    frame = stop(dap, script, "local t = {}\nfor i = 1, 100000 do t[i] = i * 2 end\nlocal h = {}\n"
                 "for i = 1, 100000 do h['k' .. i] = i end\nprint(1)\n")
    v = dap.locals(frame)
    assert v["t"]["indexedVariables"] == 100000
    begun = time.monotonic()
    page = dap.variables(v["t"]["variablesReference"], filter="indexed", start=99000, count=100)
    assert list(page)[0] == "[99001]" and page["[99100]"]["value"] == "198200" and len(page) == 100
    assert time.monotonic() - begun < 5 * SLOW
    begun = time.monotonic()
    for start in range(0, 100000, 1000):
        assert len(dap.variables(v["t"]["variablesReference"], filter="indexed", start=start, count=1000)) == 1000
    assert time.monotonic() - begun < 20 * SLOW
    begun = time.monotonic()
    page = dap.variables(v["h"]["variablesReference"], filter="named", start=50000, count=100)
    assert list(page)[0] == "k50001"
    assert time.monotonic() - begun < 10 * SLOW
    begun = time.monotonic()
    some = dap.ask("variables", variablesReference=v["t"]["variablesReference"])["variables"]
    assert 100 <= len(some) and time.monotonic() - begun < 10 * SLOW
    end(dap)


def test_indexed_and_named_parts(dap, script):
    frame = stop(dap, script, "local t = {a = 4, b = 5}\nfor i = 1, 300 do t[i] = i end\nprint(t)\n")
    table = dap.locals(frame)["t"]
    assert table["indexedVariables"] == 300 and table["namedVariables"] == 2
    ref = table["variablesReference"]
    assert list(dap.variables(ref, filter="indexed")) == [f"[{i}]" for i in range(1, 301)]
    assert list(dap.variables(ref, filter="named")) == ["a", "b"]
    assert list(dap.variables(ref, filter="named", start=1, count=1)) == ["b"]
    assert list(dap.variables(ref, filter="indexed", start=300, count=9)) == []
    end(dap)


def test_hexadecimal_when_asked(dap, script):
    frame = stop(dap, script, "local n = 255\nprint(n)\n")
    scope = dap.scope(frame, "Locals")["variablesReference"]
    assert dap.variables(scope, format={"hex": True})["n"]["value"] == "0xff"
    assert dap.ask("evaluate", expression="n + 1", frameId=frame["id"], format={"hex": True})["result"] == "0x100"
    end(dap)


def test_references_end_with_the_stop(dap, script):
    frame = stop(dap, script, "local t = {1}\nprint(1)\nprint(2)\n", 2)
    ref = dap.locals(frame)["t"]["variablesReference"]
    dap.resume("next")
    dap.stopped("step")
    assert "variablesReference" in dap.fail("variables", variablesReference=ref)
    assert dap.fail("scopes", frameId=frame["id"])
    assert dap.fail("variables", variablesReference=123456789)
    end(dap)


# ---- changing ----

@pytest.mark.parametrize("value, shown", [("7", "7"), ("'text'", '"text"'), ("{1}", None), ("nil", "nil"),
                                          ("a + 1", "2"), ("up", "10")])
def test_set_a_local(dap, script, value, shown):
    frame = stop(dap, script, "local up = 10\nlocal function f(a)\n  print(up)\n  return a\nend\nresult = f(1)\nprint(type(result))\n", 3)
    scope = dap.scope(frame, "Locals")["variablesReference"]
    body = dap.ask("setVariable", variablesReference=scope, name="a", value=value)
    assert shown is None or body["value"] == shown
    assert dap.locals(frame)["a"]["value"] == body["value"]
    end(dap)


def test_set_what_the_program_then_sees(dap, script):
    frame = stop(dap, script, "local t = {n = 1, 5}\nlocal up = 1\nlocal function f(...)\n  local x = up\n  print(..., up, x, t.n, t[1], g)\nend\nf(0)\n", 5)
    def put(scope, name, value):
        dap.ask("setVariable", variablesReference=dap.scope(frame, scope)["variablesReference"], name=name, value=value)
    put("Locals", "x", "'X'")
    put("Upvalues", "up", "'UP'")
    varargs = dap.variables(dap.scope(frame, "Varargs")["variablesReference"])
    put("Varargs", next(iter(varargs)), "'V'")
    table = dap.variables(dap.scope(frame, "Upvalues")["variablesReference"])["t"]["variablesReference"]
    dap.ask("setVariable", variablesReference=table, name="n", value="'N'")
    dap.ask("setVariable", variablesReference=table, name="[1]", value="'ONE'")
    dap.evaluate("g = 'G'", frame)
    end(dap)
    assert dap.output() == "V\tUP\tX\tN\tONE\tG\n"


@pytest.mark.parametrize("name, value, why", [("nobody", "1", "nobody"), ("x", "1 +", ""), ("x", "error('no')", "no"),
                                              ("x", "", "")])
def test_set_variable_failures(dap, script, name, value, why):
    frame = stop(dap, script, "local x = 1\nprint(x)\n")
    scope = dap.scope(frame, "Locals")["variablesReference"]
    assert why in dap.fail("setVariable", variablesReference=scope, name=name, value=value)
    end(dap)
    assert dap.output() == "1\n"


@pytest.mark.parametrize("target", ["x", "t.n", "t['n']", "t[1]", "t.deep.er", "g", "up"])
def test_set_expression(dap, script, target):
    frame = stop(dap, script, "local up = 1\nlocal function f()\n  local x, t = up, {n = 1, 1, deep = {}}\n  print(x, t)\nend\nf()\n", 4)
    body = dap.ask("setExpression", expression=target, value="41 + 1", frameId=frame["id"])
    assert body["value"] == "42"
    assert dap.evaluate(target, frame)["result"] == "42"
    end(dap)


@pytest.mark.parametrize("target", ["1", "x +", "f()", "nothing.here"])
def test_set_expression_failures(dap, script, target):
    frame = stop(dap, script, "local x = 1\nprint(x)\n")
    assert dap.fail("setExpression", expression=target, value="2", frameId=frame["id"])
    end(dap)


# ---- sources and modules ----

def test_sources_and_modules(dap, script, tmp_path):
    (tmp_path / "part.lua").write_text("return {}\n")
    frame = stop(dap, script, f"package.path = '{tmp_path}/?.lua'\nlocal p = require 'part'\nload('return 1', 'text of it')()\nprint(1)\n")
    sources = dap.ask("loadedSources")["sources"]
    paths = [s.get("path") for s in sources]
    assert str(tmp_path / "part.lua") in paths and frame["source"]["path"] in paths
    content = dap.ask("source", sourceReference=0, source={"path": str(tmp_path / "part.lua")})["content"]
    assert content == "return {}\n"
    made = next(s for s in sources if s.get("sourceReference"))
    assert dap.ask("source", sourceReference=made["sourceReference"])["content"] == "return 1"
    assert dap.fail("source", sourceReference=99999)
    modules = dap.ask("modules")
    assert "part" in [m["name"] for m in modules["modules"]] and modules["totalModules"] >= 1
    end(dap)
