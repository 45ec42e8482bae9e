# SPDX-License-Identifier: Apache-2.0
"""spreadsheet_processor against another reader and writer of XLSX (openpyxl), and with sizes that
cases cannot hold."""
import datetime
import io
import json
import zipfile

import openpyxl


def invoke(llmspell, **params):
    done = llmspell.run("tool", "invoke", "spreadsheet_processor", "--params", "-", "--output", "json",
                        input=json.dumps(params))
    return done.json.get("result") or done.json["error"]


def test_openpyxl_reads_what_we_write(llmspell):
    rows = [["n", "when", "v"], ["é & <x>", "2024-02-29T12:30:15", 0.1],
            [" blank ", "1900-03-01T00:00:00", True], [None, "text", "=A1&\"x\""]]
    reply = invoke(llmspell, operation="write", target_path="t.xlsx", formulas=True,
                   sheets=[{"name": "Ü", "rows": rows, "header": True, "column_widths": [20],
                            "formats": {"B": "yyyy-mm-dd hh:mm:ss"}}, {"name": "empty", "rows": []}])
    assert reply["sheets"][0] == {"name": "Ü", "rows": 4, "columns": 3}, reply
    book = openpyxl.load_workbook(llmspell.cwd / "t.xlsx")
    assert book.sheetnames == ["Ü", "empty"]
    sheet = book["Ü"]
    assert [[c.value for c in row] for row in sheet.iter_rows()] == [
        ["n", "when", "v"], ["é & <x>", datetime.datetime(2024, 2, 29, 12, 30, 15), 0.1],
        [" blank ", datetime.datetime(1900, 3, 1), True], [None, "text", "=A1&\"x\""]]
    assert sheet["A1"].font.b and not sheet["A2"].font.b
    assert sheet.column_dimensions["A"].width == 20


def test_we_read_what_openpyxl_writes(llmspell):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["text", 1, 2.5, True, None, datetime.date(2024, 2, 29)])
    sheet.append(["=B1*2", datetime.datetime(2024, 2, 29, 23, 59, 59), datetime.time(6, 30)])
    book.create_sheet("hidden").sheet_state = "hidden"
    book.properties.creator = "Ada"
    book.save(llmspell.cwd / "o.xlsx")
    reply = invoke(llmspell, operation="read", path="o.xlsx", formulas=True)
    assert reply["rows"] == [["text", 1, 2.5, True, None, "2024-02-29"],
                             [{"formula": "=B1*2", "value": None}, "2024-02-29T23:59:59", "06:30:00",
                              None, None, None]], reply
    reply = invoke(llmspell, path="o.xlsx")
    assert [s["hidden"] for s in reply["sheets"]] == [False, True]
    assert reply["properties"]["creator"] == "Ada"


def test_a_large_sheet(llmspell):
    rows = [[n, f"row {n}", n / 3, None, n % 2 == 0] for n in range(20000)]
    reply = invoke(llmspell, operation="write", target_path="l.xlsx", sheets=[{"name": "S", "rows": rows}])
    assert reply["sheets"][0]["rows"] == 20000, reply
    reply = invoke(llmspell, operation="read", path="l.xlsx", limit=30000)
    assert reply["rows"] == rows and not reply["truncated"]
    reply = invoke(llmspell, operation="read", path="l.xlsx", range="B19999:C20000")
    assert reply["rows"] == [row[1:3] for row in rows[-2:]]


def test_a_bomb_is_refused_early(llmspell):
    """500 MB of nothing in half a megabyte."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", '<Relationships><Relationship Id="a" Type="x/officeDocument" '
                                        'Target="w.xml"/></Relationships>')
        with archive.open("w.xml", "w") as part:
            part.write(b"<workbook>")
            for _ in range(500):
                part.write(b"<a/>" * 250000)
    (llmspell.cwd / "b.xlsx").write_bytes(data.getvalue())
    reply = invoke(llmspell, path="b.xlsx")
    assert reply["code"] == "limit_exceeded" and "times its size" in reply["message"], reply


def ods(*tables):
    """An ODS file of tables (XML of their rows)."""
    data = io.BytesIO()
    names = "".join(f' xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        z.writestr("content.xml", f"<office:document-content{names}><office:body><office:spreadsheet>"
                   + "".join(f'<table:table table:name="s{i}">{t}</table:table>' for i, t in enumerate(tables))
                   + "</office:spreadsheet></office:body></office:document-content>")
    return data.getvalue()


def test_ods_of_many_sheets(llmspell):
    """Each sheet is measured once, and what is read again is not counted as unpacked again."""
    rows = "".join("<table:table-row>" + "".join(
        f'<table:table-cell office:value-type="float" office:value="{r}"/>' for _ in range(10)) + "</table:table-row>"
        for r in range(300))
    (llmspell.cwd / "m.ods").write_bytes(ods(*[rows] * 60))
    reply = invoke(llmspell, path="m.ods")
    assert [(s["rows"], s["columns"]) for s in reply["sheets"]] == [(300, 10)] * 60, reply
    reply = invoke(llmspell, operation="read", path="m.ods", sheet=59)
    assert reply["row_count"] == 300, reply


def test_a_header_of_equal_names(llmspell):
    invoke(llmspell, operation="write", target_path="w.xlsx", sheets=[{"name": "S", "rows": [["a"] * 16384, [1]]}])
    reply = invoke(llmspell, operation="read", path="w.xlsx", has_header=True)
    assert list(reply["rows"][0])[-1] == "a_16384", reply
