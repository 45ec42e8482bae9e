# SPDX-License-Identifier: Apache-2.0
"""What people do in `jupyter console`: Tab, questions about a name, Ctrl-C, input, the up arrow,
interrupts."""
import pytest

from console import Console
from frontend import wait_until

TAB, UP, CTRL_C, ENTER = "\t", "\x1b[A", "\x03", "\r"


@pytest.fixture
def console(kernel, jupyter):
    one = Console(jupyter, kernel.started["connection_file"])
    try:
        one.expect(r"In \[1\]:")
        yield one
    finally:
        one.child.close(force=True)
        assert kernel.run("kernel", "stop", "test").status == 0


def test_tab_completes(console):
    """One match is put in; of several a list is shown."""
    console.keys("Tool.calculat")
    console.expect("calculat")
    console.keys(TAB)
    console.expect("or")
    console.type("{input = '6*7'}.result")
    console.expect(r"Out\[1\]:\s*42\s[\s\S]*In \[2\]:")
    console.keys("string.re")
    console.expect("re$")
    console.keys(TAB)
    assert "reverse" in console.expect(r"rep\b[\s\S]*reverse|reverse[\s\S]*rep\b")
    console.keys(CTRL_C)


def test_a_cell_of_several_lines(console):
    """is_complete_request: the console goes on asking until the block is closed."""
    console.type("for i = 1, 2 do")
    console.expect(r"\.\.\.:")
    console.type("print('line ' .. i)")
    console.expect(r"\.\.\.:")
    console.type("end")
    console.keys(ENTER)
    console.expect(r"line 1\s+line 2\s[\s\S]*In \[2\]:")


def test_an_interrupt_ends_what_runs(console, kernel):
    """From beside it: Ctrl-C in Debian's console 6.4.4 with prompt_toolkit 3.0.36 reaches no
    kernel, ipykernel neither: the console loses its signal handler at its first prompt."""
    for count in (2, 4):
        console.type("print('run' .. 'ning') while true do end")
        console.expect(r"running\s")
        assert kernel.run("kernel", "interrupt", "test").status == 0
        console.expect(rf"interrupted\s[\s\S]*In \[{count}\]:")
        console.type("'go' .. 'es on'")
        console.expect(rf"goes on\s[\s\S]*In \[{count + 1}\]:")


def test_ctrl_c_at_the_prompt(console):
    """Gives up the line; the kernel does not notice."""
    console.keys("kept = 'no")
    console.expect("kept = 'no")
    console.keys(CTRL_C)
    console.type("'kept is ' .. tostring(kept)")
    console.expect(r"kept is nil\s[\s\S]*In \[2\]:")


def test_a_console_of_its_own_kernel(jupyter):
    """Leaving the console ends the kernel that it has started."""
    own = Console(jupyter)
    try:
        own.expect(r"In \[1\]:")
        own.type("'al' .. 'ive'")
        own.expect(r"alive\s[\s\S]*In \[2\]:")
        own.leave()
    finally:
        own.child.close(force=True)
    wait_until(lambda: not jupyter.kernels(), "the kernel ends")


def test_input_is_asked_for(console):
    console.type("io.write('na' .. 'me? ') answer = io.read() return 'it is ' .. answer")
    console.expect(r"name\? ")
    console.type("Ada")
    console.expect(r"it is Ada\s[\s\S]*In \[2\]:")


def test_up_brings_the_last_line(console):
    console.type("'one' .. 'two'")
    console.expect(r"onetwo\s[\s\S]*In \[2\]:")
    console.keys(UP + ENTER)
    console.expect(r"onetwo\s[\s\S]*In \[3\]:")


def test_up_brings_what_the_kernel_remembers(kernel, jupyter, console):
    """A second console asks the kernel for its history."""
    console.type("'before' .. 'hand'")
    console.expect(r"beforehand\s[\s\S]*In \[2\]:")
    second = Console(jupyter, kernel.started["connection_file"])
    try:
        second.expect(r"In \[1\]:|In \[2\]:")
        second.keys(UP + ENTER)
        second.expect(r"Out\[\d\]:\s*beforehand")
    finally:
        second.child.close(force=True)
