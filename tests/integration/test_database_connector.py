# SPDX-License-Identifier: Apache-2.0
"""What cases of database_connector cannot express: ODBC data sources (Debian's SQLite driver, in a
folder that ODBCSYSINI names), others who hold a database, time, what a sandboxed call may reach."""
import json
import sqlite3
import threading
from pathlib import Path

import pytest

NAME = "database_connector"
ENDLESS = "with recursive r(x) as (select 1 union all select x + 1 from r) select count(*) from r"
DRIVER = next(Path("/usr/lib").glob("*/odbc/libsqlite3odbc.so"), None)


def call(llmspell, *options, isolation="auto", env=None, **params):
    params = {key.rstrip("_"): value for key, value in params.items()}
    return llmspell.run(*options, "tool", "invoke", NAME, "--params", "-", "--output", "json",
                        input=json.dumps(params),
                        env={"TMPDIR": str(llmspell.cwd), "ODBCSYSINI": str(llmspell.cwd),
                             "LLMSPELL_TOOLS_ISOLATION": isolation, **(env or {})}).json


@pytest.fixture(params=["auto", "inline"])
def odbc(llmspell, request):
    """call() for a source Test with a table of two rows."""
    assert DRIVER, "the package libsqliteodbc is not installed"
    path = llmspell.cwd / "source.db"
    with sqlite3.connect(path) as database:
        database.executescript("""
            create table item(id integer primary key, name varchar(20) not null unique, price double,
                              picture blob);
            create table part(item integer references item(id), label text default 'x');
            create index part_label on part(label);
            create view names as select name from item;
            insert into item values (1, 'é😀', 1.5, x'00ff'), (9007199254740993, 'two', null, null);
        """)
    database.close()
    (llmspell.cwd / "odbcinst.ini").write_text(f"[SQLite3]\nDriver={DRIVER}\n")
    (llmspell.cwd / "odbc.ini").write_text(
        f"[Test]\nDriver=SQLite3\nDatabase={path}\n"
        "[Broken]\nDriver=/usr/lib/no-such-driver.so\n[Other]\nDriver=NotInstalled\n")

    def run(*options, database="odbc:Test", **params):
        return call(llmspell, *options, isolation=request.param, database=database, **params)
    return run


def code(reply):
    return reply["error"]["code"], reply["error"].get("path")


def test_sources_are_listed_by_name(odbc):
    assert odbc(operation="data_sources")["result"] == {"sources": [
        {"name": "Broken", "driver": "/usr/lib/no-such-driver.so"},
        {"name": "Other", "driver": "NotInstalled"}, {"name": "Test", "driver": "SQLite3"}]}


def test_rows(odbc):
    result = odbc(sql="select * from item order by id")["result"]
    assert [column["name"] for column in result["columns"]] == ["id", "name", "price", "picture"]
    assert [column["type"].lower().split("(")[0] for column in result["columns"]] == \
        ["integer", "varchar", "double", "blob"]
    assert result["rows"] == [[1, "é😀", 1.5, {"$base64": "AP8="}],
                              [{"$int": "9007199254740993"}, "two", None, None]]
    assert (result["row_count"], result["truncated"]) == (2, False)
    result = odbc(sql="select id from item order by id;", limit=1)["result"]
    assert (result["rows"], result["truncated"]) == ([[1]], True)


def test_a_long_text_comes_whole(odbc):
    text = "é😀x" * 20000
    assert odbc(sql="select ? as t", parameters=[text])["result"]["rows"] == [[text]]


def test_parameters(odbc):
    reply = odbc(sql="select name from item where name = ? and price = ? and id = ? and picture = ?",
                 parameters=["é😀", 1.5, 1, {"$base64": "AP8="}])
    assert reply["result"]["rows"] == [["é😀"]], reply
    assert odbc(sql="select ? is null", parameters=[None])["result"]["row_count"] == 1
    assert code(odbc(sql="select ?", parameters=[1, 2])) == ("invalid_params", "/parameters")
    assert code(odbc(sql="select ?", parameters={"a": 1})) == ("invalid_params", "/parameters")
    assert code(odbc(sql="select ?", parameters=[[1]])) == ("invalid_params", "/parameters/0")


def test_reading_only(odbc):
    for sql in ["insert into item(name) values('x')", "drop table item", "create table x(a)",
                "/* select */ delete from item", "pragma user_version = 5", "attach 'x' as x",
                "with q(a) as (select 'x') insert into item(name) select a from q",
                "select load_extension('x')"]:
        assert code(odbc(sql=sql)) == ("permission_denied", "/sql"), sql
        assert code(odbc(operation="script", sql=sql)) == ("permission_denied", "/sql"), sql
    assert odbc(sql="-- a\nWITH q(a) AS (VALUES (1)) SELECT a FROM q")["result"]["rows"] == [[1]]
    assert odbc(sql="select count(*) from item")["result"]["rows"] == [[2]]


def test_writing(odbc):
    reply = odbc(operation="execute", sql="insert into item(name) values(?)", parameters=["three"],
                 read_only=False)
    assert reply["result"] == {"rows_affected": 1, "last_insert_id": None}
    assert code(odbc(operation="execute", sql="insert into item(name) values('three')",
                     read_only=False)) == ("failed", "/sql")
    assert odbc(operation="script", read_only=False,
                sql="insert into part values(1, ';'); update item set price = 2; -- end\n;"
                )["result"] == {"statements": 2, "rows_affected": 4}
    assert code(odbc(operation="script", read_only=False,
                     sql="delete from part; insert into nowhere values(1)")) == ("parse_error", "/sql")
    assert odbc(sql="select label from part")["result"]["rows"] == [[";"]], "all or nothing"


def test_errors(odbc):
    assert code(odbc(sql="select * from nowhere")) == ("parse_error", "/sql")
    assert code(odbc(sql="select from")) == ("parse_error", "/sql")
    assert code(odbc(sql="select 1; select 2")) == ("invalid_params", "/sql")
    assert code(odbc(sql="-- nothing")) == ("parse_error", "/sql")
    assert code(odbc(database="odbc:None", sql="select 1")) == ("not_found", "/database")
    assert code(odbc(database="odbc:Broken", sql="select 1")) == ("unavailable", "/database")
    assert code(odbc(database="odbc:Other", sql="select 1")) == ("unavailable", "/database")


def test_an_endless_query_ends(odbc):
    reply = odbc(sql=ENDLESS, timeout_ms=300)
    assert reply["error"]["code"] == "timeout" and reply["duration_ms"] < 2000, reply


def test_schema(odbc):
    tables = {t["name"]: t for t in odbc(operation="schema")["result"]["tables"]}
    assert list(tables) == ["item", "names", "part"]
    assert (tables["names"]["type"], tables["item"]["sql"]) == ("view", None)
    columns = {c["name"]: c for c in tables["item"]["columns"]}
    assert list(columns) == ["id", "name", "price", "picture"]
    assert columns["id"]["primary_key"] and not columns["name"]["primary_key"]
    assert not columns["name"]["nullable"] and columns["price"]["nullable"]
    assert {"name": "part_label", "unique": False, "columns": ["label"]} in tables["part"]["indexes"]
    assert tables["part"]["foreign_keys"] == [
        {"columns": ["item"], "table": "item", "references": ["id"]}]
    assert [t["name"] for t in odbc(operation="schema", table="part")["result"]["tables"]] == ["part"]
    assert code(odbc(operation="schema", table="nope")) == ("not_found", "/table")


def test_explain(odbc):
    plan = odbc(operation="explain", sql="select * from part where label = 'x'")["result"]["plan"]
    assert len(plan) == 1 and "part_label" in plan[0]["detail"] and plan[0]["parent"] == 0


def test_a_password_is_a_granted_secret(odbc):
    assert code(odbc(sql="select 1", password_secret="db")) == ("unavailable", "/password_secret")
    reply = odbc("--set", f"tool.{NAME}.secrets=db:env:DB_PASSWORD", sql="select 1",
                 password_secret="db", env={"DB_PASSWORD": "};Database=elsewhere.db;{"})
    assert reply["status"] == "ok", reply
    assert odbc("--set", f"tool.{NAME}.secrets=db:env:DB_PASSWORD", sql="select count(*) from item",
                password_secret="db",
                env={"DB_PASSWORD": "};Database=elsewhere.db;{"})["result"]["rows"] == [[2]]


def test_a_source_outside_the_roots_is_out_of_reach(llmspell, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "o.db"
    with sqlite3.connect(outside) as database:
        database.execute("create table t(a)")
    database.close()
    (llmspell.cwd / "odbcinst.ini").write_text(f"[SQLite3]\nDriver={DRIVER}\n")
    (llmspell.cwd / "odbc.ini").write_text(f"[Out]\nDriver=SQLite3\nDatabase={outside}\n")
    reply = call(llmspell, database="odbc:Out", sql="select * from t")
    assert reply["status"] == "error", reply


@pytest.mark.parametrize("isolation", ["auto", "inline"])
def test_a_held_database_ends_by_timeout_then_works(llmspell, isolation):
    path = llmspell.cwd / "t.db"
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.executescript("create table t(a); insert into t values(1); begin exclusive")
    params = {"operation": "execute", "database": "t.db", "sql": "insert into t values(2)",
              "read_only": False, "isolation": isolation}
    reply = call(llmspell, timeout_ms=300, **params)
    assert reply["error"]["code"] == "timeout" and reply["duration_ms"] < 2000, reply
    assert reply["error"]["message"].startswith("another program held the database"), reply
    threading.Timer(0.3, lambda: holder.execute("commit")).start()
    assert call(llmspell, **params)["result"]["rows_affected"] == 1, "it waits for its turn"
    holder.close()


def test_a_database_with_a_write_ahead_log(llmspell):
    path = llmspell.cwd / "wal.db"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.executescript("pragma journal_mode = wal; create table t(a); insert into t values(1)")
    assert call(llmspell, database="wal.db", sql="select a from t")["result"]["rows"] == [[1]]
    writer.executescript("begin immediate; insert into t values(2)")
    assert call(llmspell, database="wal.db", sql="select a from t")["result"]["rows"] == [[1]]
    writer.close()


def test_a_damaged_database(llmspell):
    path = llmspell.cwd / "t.db"
    with sqlite3.connect(path) as database:
        database.execute("create table t(a)")
        database.executemany("insert into t values(?)", [("x" * 500,)] * 200)
    database.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    assert code(call(llmspell, database="t.db", sql="select sum(length(a)) from t")) == \
        ("parse_error", "/database")
