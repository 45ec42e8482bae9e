# SPDX-License-Identifier: Apache-2.0
"""jupyter_kernel_test, the official tests of kernels: all of them, none skipped."""
import io
import unittest

import jupyter_kernel_test
import pytest
from jupyter_client.manager import KernelManager
from jupyter_kernel_test.msgspec_v5 import validate_message

from frontend import NAME, PATIENCE, whole_module


class Official(jupyter_kernel_test.KernelTests):
    __test__ = False  # pytest has a test for each method below
    kernel_name = NAME
    language_name = "lua"
    file_extension = ".lua"
    code_hello_world = "print('hello, world')"
    code_stderr = "io.stderr:write('a word aside\\n')"
    completion_samples = [
        {"text": "pri", "matches": {"print"}},
        {"text": "local other = 1; oth", "matches": {"other"}},
        {"text": "string.rev", "matches": {"reverse"}},
        {"text": "Tool.calc", "matches": {"calculator"}},
        {"text": "('ä'):rev", "matches": {"reverse"}},
        {"text": "nothing_begins_like_this", "matches": set()},
    ]
    complete_code_samples = ["1", "print('x')", "for i = 1, 3 do print(i) end", "return 1", "",
                             "local function f()\n  return 1\nend", "x = [[a\nb]]", "-- a word"]
    incomplete_code_samples = ["for i = 1, 3 do", "function f()", "x = {", "print(", "x = [[a",
                               "if x then\n  y()", "--[[ a word", "x ="]
    invalid_code_samples = ["x = = 1", "end", "for for", "x = 'a", "goto nowhere", ")"]
    code_page_something = "page('a page of text')"
    code_generate_error = "error('an error')"
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": "return 'text'", "result": "text"},
        {"code": "x = {1, 'ö'} x", "result": '{1, "ö"}'},
        {"code": "Tool.calculator{input = '2^10'}.result", "result": "1024"},
    ]
    code_display_data = [
        {"code": "display({['text/html'] = '<b>bold</b>'})", "mime": "text/html"},
        {"code": "display(Display.html('<b>bold</b>'))", "mime": "text/html"},
        {"code": "display(Display.markdown('*word*'))", "mime": "text/markdown"},
        {"code": "display(Display.json({a = {1, 2}}))", "mime": "application/json"},
        {"code": "display(Display.svg('<svg xmlns=\"http://www.w3.org/2000/svg\"/>'))",
         "mime": "image/svg+xml"},
        {"code": "display(Display.table({{a = 1, b = 2}, {a = 3, b = 4}}))", "mime": "text/html"},
    ]
    code_history_pattern = "6 [*]*7"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "string.format"
    code_clear_output = "clear_output()"


METHODS = unittest.defaultTestLoader.getTestCaseNames(Official)


class Record(unittest.TextTestResult):
    def __init__(self, *args):
        super().__init__(*args)
        self.ran = []

    def startTest(self, test):
        self.ran.append(test._testMethodName)
        super().startTest(test)


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """The record of one run of all."""
    with whole_module(tmp_path_factory.mktemp("official")):
        runner = unittest.TextTestRunner(io.StringIO(), resultclass=Record)
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(Official)
        yield runner.run(suite)


def about(name, pairs):
    return [text for test, text in pairs if str(test).startswith(f"{name} (")]


@pytest.mark.parametrize("name", METHODS)
def test_official(record, name):
    assert record.ran.count(name) == 1, record.errors
    problems = about(name, record.failures) + about(name, record.errors)
    assert not problems, "\n".join(problems)
    assert about(name, record.skipped) == []


def test_no_part_is_skipped(record):
    """Every method ran, no part was skipped, and no sample is left at what the base class says."""
    assert sorted(record.ran) == sorted(METHODS) and len(METHODS) == 12
    assert record.skipped == [] and record.expectedFailures == []
    samples = [name for name in vars(jupyter_kernel_test.KernelTests)
               if name.startswith(("code_", "completion", "complete_", "incomplete_", "invalid_",
                                   "supported_"))]
    assert len(samples) == 14, samples
    assert [name for name in samples if not getattr(Official, name)] == []


def test_iopub_welcome(tmp_path):
    """What jupyter_kernel_test 0.7 adds: the first message on iopub, for each client."""
    with whole_module(tmp_path):
        manager = KernelManager(kernel_name=NAME)
        manager.start_kernel()
        try:
            for _ in range(2):
                client = manager.client()
                client.start_channels()
                message = client.get_iopub_msg(timeout=PATIENCE)
                assert message["header"]["msg_type"] == message["msg_type"] == "iopub_welcome"
                assert message["content"] == {"subscription": ""}
                assert message["parent_header"] == {}
                client.wait_for_ready(timeout=PATIENCE)
                validate_message(client.kernel_info(reply=True, timeout=PATIENCE),
                                 "kernel_info_reply")
                client.stop_channels()
        finally:
            manager.shutdown_kernel()
