# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium without a window, driven by chromedriver, and a Jupyter server to show it."""
import json
import os
import re
import signal
import socket
import subprocess
import urllib.request
from contextlib import contextmanager

from selenium import webdriver
from selenium.common.exceptions import (ElementClickInterceptedException,
                                        ElementNotInteractableException, JavascriptException,
                                        MoveTargetOutOfBoundsException,
                                        StaleElementReferenceException, WebDriverException)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.remote_connection import RemoteConnection

from frontend import PATIENCE, wait_until

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--window-size=1400,1800")


@contextmanager
def chromium(folder):
    """A browser with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "SEVERE"})
    RemoteConnection.set_timeout(PATIENCE * 1.5)
    # The driver's own look-up of versions would go to the network; its path is known.
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    driver.set_script_timeout(PATIENCE)
    try:
        yield Page(driver)
    finally:
        driver.quit()


class Page:
    """What a user does: look, click, type."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, url):
        self.driver.get(url)

    def js(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def until(self, code, *arguments, patience=PATIENCE):
        """Waits until an expression of JavaScript is true; returns its value."""
        def look():
            try:
                return self.js(f"return {code}", *arguments)
            except JavascriptException:
                return None  # what it looks into is not there yet
        return wait_until(look, lambda: f"{code}; on the page: {self.text()[-2000:]}", patience)

    def text(self):
        try:
            return self.js("return document.body.innerText")
        except WebDriverException as error:
            return str(error)

    def click(self, selector, text=None):
        """Clicks the visible element (with this text), with the mouse."""
        def try_it():
            found = self.js("""return [...document.querySelectorAll(arguments[0])].find(e =>
                e.getClientRects().length && (!arguments[1] || e.innerText.trim() === arguments[1]))
                ?? null""", selector, text)
            try:
                found and found.click()
            except (ElementClickInterceptedException, ElementNotInteractableException,
                    StaleElementReferenceException):
                return False  # something is on its way in or out
            return found is not None
        wait_until(try_it, lambda: f"{selector} to click; on the page: {self.text()[-2000:]}")

    def mouse(self, gesture, code, *arguments):
        """click, context_click, move_to_element …: on the element that an expression gives."""
        def try_it():
            try:
                found = self.js(f"return {code} ?? null", *arguments)
                if found is None:
                    return False
                actions = webdriver.ActionChains(self.driver, duration=0)
                getattr(actions, gesture)(found).perform()
            except (JavascriptException, ElementNotInteractableException,
                    MoveTargetOutOfBoundsException, StaleElementReferenceException):
                return False  # something is on its way in or out
            return True
        wait_until(try_it, lambda: f"{code}; on the page: {self.text()[-2000:]}")

    def type(self, text):
        """To what has the focus."""
        actions = webdriver.ActionChains(self.driver, duration=0)
        actions.send_keys(text).perform()

    def chord(self, *keys):
        actions = webdriver.ActionChains(self.driver, duration=0)
        for key in keys[:-1]:
            actions.key_down(key)
        actions.send_keys(keys[-1])
        for key in keys[:-1]:
            actions.key_up(key)
        actions.perform()


def free_port():
    """For servers that cannot choose one themselves; they take the next if it is gone by then."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def server(jupyter, command, log):
    """A server as its user starts it. Gives its address and token."""
    with open(log, "w") as out:
        process = subprocess.Popen(command, env=jupyter.env, cwd=jupyter.llmspell.cwd, stdout=out,
                                   stderr=subprocess.STDOUT, start_new_session=True)
    try:
        def address():
            assert process.poll() is None, log.read_text()
            return re.search(r"(http://127\.0\.0\.1:\d+/)\w*\?token=(\w+)", log.read_text())
        yield wait_until(address, lambda: f"it listens: {log.read_text()}").groups()
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise


def fetch(address, path, token):
    request = urllib.request.Request(address + path, headers={"Authorization": f"token {token}"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)
