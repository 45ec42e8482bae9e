# SPDX-License-Identifier: Apache-2.0
"""Ten thousand crashes in a row leave the kernel as it was."""
import pytest

from daemons import children, fds, rss_kb
from jupyter_session import llmspell, wait_until  # noqa: F401 (a fixture)
from test_faults import Kernel, plugins  # noqa: F401 (a fixture)

CRASHES = 10_000


@pytest.mark.parametrize("do", ["abort", "segv"])
def test_crashes_in_a_row(llmspell, plugins, do):
    kernel = Kernel(llmspell, plugins, tools__crash_limit=0, log__level="off")
    for _ in range(100):
        kernel.call("fault", do=do)
    before = fds(kernel.pid), rss_kb(kernel.pid)
    for _ in range(CRASHES):
        assert kernel.call("fault", do=do)["error"]["code"] == "failed"
    wait_until(lambda: not children(kernel.pid), "no process is left")
    wait_until(lambda: fds(kernel.pid) == before[0], "as many descriptors as before")
    assert rss_kb(kernel.pid) - before[1] < 1024
    kernel.check_health()
    kernel.close()
