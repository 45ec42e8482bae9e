# SPDX-License-Identifier: Apache-2.0
"""Comms: a kernel and a client that plays the front end, with binary buffers and metadata."""
import pytest

from comms import FrontEnd, text, types
from conftest import kernel, llmspell  # noqa: F401 (fixtures)
from jupyter_session import SPIN, open_session, session  # noqa: F401 (fixtures)

BYTES = bytes(range(256))


@pytest.fixture
def front(session):  # noqa: F811
    return FrontEnd(session)


def opened(outcome):
    return [e for e in outcome.events if e["msg_type"] == "comm_open"]


# ---- the kernel opens ----

def test_a_cell_opens_sends_and_closes(front):
    outcome = front.run("""
        local raw = ""
        for i = 0, 255 do raw = raw .. string.char(i) end
        comm = Comm.open("chart", {x = 1}, {metadata = {version = "9"}, buffers = {raw, ""}})
        comm:send({step = 2}, {raw:rep(2)})
        comm:send()
        comm:close({why = "done"})
        return comm.target, #comm.id""")
    opening, first, empty, closing = [e for e in outcome.events if e["msg_type"].startswith("comm_")]
    comm_id = opening["content"]["comm_id"]
    assert opening["content"] == {"comm_id": comm_id, "target_name": "chart", "data": {"x": 1}}
    assert opening["metadata"] == {"version": "9"}
    assert [bytes(b) for b in opening["buffers"]] == [BYTES, b""]
    assert first["content"] == {"comm_id": comm_id, "data": {"step": 2}}
    assert [bytes(b) for b in first["buffers"]] == [BYTES * 2] and first["metadata"] == {}
    assert empty["content"] == {"comm_id": comm_id, "data": {}} and empty["buffers"] == []
    assert closing["msg_type"] == "comm_close"
    assert closing["content"] == {"comm_id": comm_id, "data": {"why": "done"}}
    assert outcome.value == "chart\t32"


def test_output_and_comm_messages_keep_their_order(front):
    outcome = front.run("""
        local comm = Comm.open("t")
        for i = 1, 3 do print(i); comm:send{i = i} end""")
    seen = [e["content"].get("text") or e["content"]["data"] for e in outcome.events
            if e["msg_type"] in ("stream", "comm_msg")]
    assert seen == ["1\n", {"i": 1}, "2\n", {"i": 2}, "3\n", {"i": 3}]


@pytest.mark.parametrize("code, message", [
    ("Comm.open()", "bad argument #1"),
    ("Comm.open('t', print)", "the data of a comm: cannot convert a function"),
    ("Comm.open('t', {}, {buffers = {1}})", "the buffers have to be strings"),
    ("Comm.open('t', {}, {buffers = 'x'})", "array of strings"),
    ("Comm.open('\\255')", "comm_open could not be sent"),
    ("local c = Comm.open('t'); c:close(); c:send{}", "is closed"),
    ("local c = Comm.open('t'); Comm.open('t', {}, {id = c.id})", "is open"),
    ("local c = Comm.open('t'); c.send{}", "write comm:send"),
    ("Comm.open('t'):on_msg(1)", "function expected"),
    ("Comm.register('t')", "function expected"),
])
def test_wrong_use_says_what(session, code, message):  # noqa: F811
    reply = session.run(code).reply
    assert reply["status"] == "error" and message in reply["evalue"], reply


# ---- the front end answers ----

def test_messages_reach_their_handler(front):
    outcome = front.run("""
        comm = Comm.open("t"):on_msg(function(data, buffers, message)
          print(data.text, #buffers, buffers[1] == message.buffers[1], message.metadata.a,
                message.header.msg_type, message.content.comm_id == comm.id)
          comm:send({got = #buffers[2]}, {buffers[1]:reverse()})
        end)""")
    comm_id = opened(outcome)[0]["content"]["comm_id"]
    events = front.exchange("comm_msg", comm_id, {"text": "h\u00e9"}, buffers=[BYTES, b"123"],
                            metadata={"a": 1})
    assert text(events) == "h\u00e9\t2\ttrue\t1\tcomm_msg\ttrue\n"
    answer = events[-1]["content"], [bytes(b) for b in events[-1]["buffers"]]
    assert answer == ({"comm_id": comm_id, "data": {"got": 3}}, [BYTES[::-1]])


def test_a_large_buffer_comes_back(front):
    outcome = front.run("""
        comm = Comm.open("t"):on_msg(function(data, buffers) comm:send({}, buffers) end)""")
    large = BYTES * 40000  # 10 MB
    events = front.exchange("comm_msg", opened(outcome)[0]["content"]["comm_id"], buffers=[large])
    assert bytes(events[0]["buffers"][0]) == large


def test_a_front_end_opens_and_closes(front):
    front.run("""
        Comm.register("query", function(comm, data, buffers)
          print("open", comm.target, comm.id, data.q, buffers[1])
          comm:on_close(function(data) print("closed", data.bye) end)
          comm:on_msg(function(data) comm:send{twice = data.n * 2} end)
        end)""")
    events = front.exchange("comm_open", "c1", {"q": 5}, buffers=[b"raw"], target_name="query")
    assert text(events) == "open\tquery\tc1\t5\traw\n"
    assert front.exchange("comm_msg", "c1", {"n": 21})[0]["content"]["data"] == {"twice": 42}
    assert front.run("return #Comm.list(), Comm.list()[1].id").value == "1\tc1"
    assert text(front.exchange("comm_close", "c1", {"bye": "now"})) == "closed\tnow\n"
    assert front.exchange("comm_msg", "c1", {"n": 1}) == []
    assert front.run("return #Comm.list()").value == "0"


def test_a_target_that_is_not_there_is_closed(front):
    events = front.exchange("comm_open", "c1", target_name="nosuch")
    assert types(events) == ["comm_close"] and events[0]["content"]["comm_id"] == "c1"
    front.run("Comm.register('gone', print); return Comm.unregister('gone')")
    assert types(front.exchange("comm_open", "c2", target_name="gone")) == ["comm_close"]
    assert front.run("return Comm.unregister('gone')").value == "false"


def test_comm_info(front):
    ask = lambda **content: front.session.ask("comm_info_request", content).reply  # noqa: E731
    outcome = front.run("Comm.open('a'); Comm.open('b')")
    ids = {e["content"]["target_name"]: e["content"]["comm_id"] for e in opened(outcome)}
    assert ask() == {"status": "ok", "comms": {ids["a"]: {"target_name": "a"},
                                               ids["b"]: {"target_name": "b"}}}
    assert ask(target_name="b")["comms"] == {ids["b"]: {"target_name": "b"}}
    assert ask(target_name="c")["comms"] == {}


# ---- errors, order, interrupts ----

def test_an_error_in_a_handler_is_shown_and_ends_nothing(front):
    outcome = front.run("""
        comm = Comm.open("t"):on_msg(function(data)
          print("before")
          if data.bad then error("no good") end
        end)
        Comm.register("bad", function() error{code = "mine", message = "refused"} end)""")
    comm_id = opened(outcome)[0]["content"]["comm_id"]
    events = front.exchange("comm_msg", comm_id, {"bad": True})
    assert types(events) == ["stream", "error"]
    assert "no good" in events[1]["content"]["evalue"] and events[1]["content"]["traceback"]
    assert types(front.exchange("comm_msg", comm_id, {})) == ["stream"]
    events = front.exchange("comm_open", "c9", target_name="bad")
    assert types(events) == ["error", "comm_close"]
    assert events[0]["content"]["ename"] == "mine"
    assert front.run("return #Comm.list()").value == "1"


def test_messages_wait_for_the_cell_before(front):
    outcome = front.run("""
        order = {}
        comm = Comm.open("t"):on_msg(function(data) order[#order + 1] = data.n end)""")
    comm_id = opened(outcome)[0]["content"]["comm_id"]
    cell = front.session.execute("io.read(); order[#order + 1] = 'cell'")
    front.session.question()
    messages = [front.send("comm_msg", comm_id, {"n": n}) for n in range(3)]
    front.session.input("go")
    front.session.finish(cell)
    for message in messages:
        front.session.until_idle(message)
    assert front.run("return table.concat(order, ' ')").value == "cell 0 1 2"


def test_an_error_in_a_cell_does_not_abort_messages(front):
    outcome = front.run("comm = Comm.open('t'):on_msg(function() print('here') end)")
    comm_id = opened(outcome)[0]["content"]["comm_id"]
    cell = front.session.execute("io.read(); error('x')")
    front.session.question()
    message = front.send("comm_msg", comm_id)
    front.session.input("go")
    assert front.session.finish(cell).reply["status"] == "error"
    assert text(front.session.until_idle(message)) == "here\n"


def test_an_interrupt_ends_a_handler(front):
    outcome = front.run(
        f"comm = Comm.open('t'):on_msg(function() print('running'); {SPIN} end)")
    msg_id = front.send("comm_msg", opened(outcome)[0]["content"]["comm_id"])
    front.session.until(msg_id, "stream")
    front.session.ask("interrupt_request", channel="control")
    events = front.session.until_idle(msg_id)
    assert types(events) == ["error", "status"]
    assert events[0]["content"]["ename"] == "KeyboardInterrupt"
    assert front.run("return 6*7").value == "42"


def test_a_handler_cannot_ask_for_input(front):
    outcome = front.run("comm = Comm.open('t'):on_msg(function() io.read() end)")
    events = front.exchange("comm_msg", opened(outcome)[0]["content"]["comm_id"])
    assert types(events) == ["error"] and "input" in events[0]["content"]["evalue"]


def test_exit_in_a_handler_is_no_error(front):
    outcome = front.run("comm = Comm.open('t'):on_msg(function() print(1); os.exit(3) end)")
    assert types(front.exchange("comm_msg", opened(outcome)[0]["content"]["comm_id"])) == ["stream"]
    assert front.run("return 6*7").value == "42"


@pytest.mark.parametrize("msg_type", ["comm_open", "comm_msg", "comm_close"])
@pytest.mark.parametrize("content", [
    {}, {"comm_id": 5}, {"comm_id": None, "target_name": "t"}, {"comm_id": "c", "target_name": []},
    {"comm_id": "c", "target_name": "t", "data": "text"}, {"comm_id": "", "target_name": ""}])
def test_bad_content_has_no_reply_and_no_effect(front, msg_type, content):
    """Nothing on the shell channel: the next reply is that of the next request."""
    events = front.session.until_idle(front.session.send(msg_type, content))
    assert set(types(events)) <= {"status", "comm_close"}
    assert front.run("return 6*7, #Comm.list()").value == "42\t0"


def test_many_messages_cost_no_memory(front):
    outcome = front.run("""
        count = 0
        comm = Comm.open("t"):on_msg(function(data, buffers) count = count + #buffers[1] end)""")
    comm_id = opened(outcome)[0]["content"]["comm_id"]

    def heap():
        return int(front.run("collectgarbage() collectgarbage() "
                             "return math.floor(collectgarbage('count'))").value)

    def send(count):
        for _ in range(count // 50):
            messages = [front.send("comm_msg", comm_id, {"a": [1, 2]}, buffers=[BYTES * 40])
                        for _ in range(50)]
            for message in messages:
                front.session.until_idle(message)
    send(100)
    before = heap()
    send(1000)
    assert heap() - before < 100  # KiB
    assert front.run("return count").value == str(1100 * 256 * 40)


# ---- from the command line ----

def test_embedded_scripts_may_use_comms(llmspell):  # noqa: F811
    result = llmspell.run("exec", "local c = Comm.open('t', {}, {buffers = {'x'}}); c:send{}; "
                                  "c:close(); return #Comm.list()")
    assert (result.status, result.out) == (0, "0\n"), result
