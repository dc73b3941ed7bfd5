"""A headless Chromium, driven by the W3C WebDriver protocol: chromedriver and plain HTTP on the loopback interface, no package of PyPI.

    with Browser() as browser:
        browser.open(path)
        browser.run("return document.title")

The browser has a profile of its own in a temporary folder, and goes when the block ends, with all of its processes. Errors are
exceptions: BrowserError with what the driver says.
"""
import base64
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the protocol's name of an element reference
KEYS = {"Escape": "\ue00c", "Enter": "\ue007", "Tab": "\ue004", "ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014",
        "ArrowDown": "\ue015", "Home": "\ue011", "End": "\ue010", "PageUp": "\ue00e", "PageDown": "\ue00f", "Control": "\ue009", "Shift": "\ue008"}
# Nothing but the page: no updates, no first-run pages, no sandbox that a container's root cannot have, no GPU.
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-default-apps", "--disable-extensions", "--disable-sync", "--mute-audio",
             "--no-default-browser-check", "--force-device-scale-factor=1", "--window-size=1400,1000"]
START_SECONDS = 120  # only a limit against waiting for ever: a busy machine may need many seconds


class BrowserError(Exception):
    pass


def processes_of_session(leader):
    """The ids of the processes whose session `leader` leads, itself among them."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()  # behind the name: state, parent, group, session
        except OSError:
            continue  # no process, or gone meanwhile
        if int(fields[3]) == leader:
            found.append(int(entry))
    return found


class Browser:
    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="ds-browser-")
        self.driver = self.session = None
        # Whoever ends this process ends the browser: by way of __exit__, as every exception.
        self.terminated = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        environment = {**os.environ, "HOME": self.folder, "TMPDIR": self.folder, "no_proxy": "*"}
        # A session of its own, which the browser's processes belong to: they can be found and ended whatever happens.
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
                                       start_new_session=True)
        said, deadline = b"", time.monotonic() + START_SECONDS
        while not (port := re.search(rb"started successfully on port (\d+)", said)):
            if not select.select([self.driver.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                raise BrowserError(f"chromedriver does not start: {said.decode(errors='replace')}")
            part = os.read(self.driver.stdout.fileno(), 4096)
            if not part:
                raise BrowserError(f"chromedriver ended: {said.decode(errors='replace')}")
            said += part
        self.address = f"http://127.0.0.1:{int(port[1])}"
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        options = {"args": [*ARGUMENTS, f"--user-data-dir={self.folder}/profile"], "binary": shutil.which("chromium")}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        created = self.call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self.session = created["sessionId"]
        self.version = created["capabilities"]["browserVersion"]

    def __exit__(self, *_):
        if self.session:
            try:
                self.call("DELETE", f"/session/{self.session}")
            except (BrowserError, OSError):
                pass  # its processes are ended below
        if self.driver:
            for process in processes_of_session(self.driver.pid):
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.driver.wait()
            self.driver.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        signal.signal(signal.SIGTERM, self.terminated)

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data=data, method=method, headers={"Content-Type": "application/json"})
        try:
            with self.opener.open(request, timeout=START_SECONDS) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise BrowserError(f"{value['error']}: {value['message']}") from None

    def command(self, path, body=None, method="POST"):
        return self.call(method, f"/session/{self.session}{path}", {} if body is None and method == "POST" else body)

    def open(self, path, fragment=""):
        """Opens a file and waits for its `load` event."""
        self.command("/url", {"url": pathlib.Path(path).resolve().as_uri() + fragment})

    def run(self, script, *arguments):
        """The value that a function body returns in the page."""
        return self.command("/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, condition, *arguments):
        """Until an expression is true in the page."""
        deadline = time.monotonic() + START_SECONDS
        while not self.run(f"return Boolean({condition})", *arguments):
            if time.monotonic() > deadline:
                raise BrowserError(f"waited {START_SECONDS} s for {condition}")
            time.sleep(0.02)

    def press(self, *keys):
        """Presses keys one after the other, as from a keyboard: names of KEYS, single characters, or "Control+Home"."""
        actions = []
        for key in keys:
            parts = [KEYS.get(part, part) for part in (key.split("+") if len(key) > 1 else [key])]
            actions += [{"type": "keyDown", "value": part} for part in parts]
            actions += [{"type": "keyUp", "value": part} for part in reversed(parts)]
        self.command("/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def type(self, text):
        self.press(*text)

    def click(self, selector):
        element = self.command("/element", {"using": "css selector", "value": selector})[ELEMENT]
        self.command(f"/element/{element}/click")

    def devtools(self, command, **parameters):
        return self.command("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def window(self, width, height):
        """The size of the page's viewport in CSS pixels, as on a device of that size."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def media(self, **features):
        """Emulates media features: media(prefers_color_scheme="dark")."""
        self.devtools("Emulation.setEmulatedMedia",
                      features=[{"name": name.replace("_", "-"), "value": value} for name, value in features.items()])

    def screenshot(self, path, whole=False):
        taken = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(path, "wb") as file:
            file.write(base64.b64decode(taken["data"]))

    def console(self):
        """What was logged since the last call, errors of the page among it: ["SEVERE ...", ...]."""
        return [f"{entry['level']} {entry['message']}" for entry in self.command("/se/log", {"type": "browser"})]

    def requests(self):
        """The addresses of all requests since the last call, without those of the browser's own pages."""
        messages = [json.loads(entry["message"])["message"] for entry in self.command("/se/log", {"type": "performance"})]
        sent = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
        return [request["request"]["url"] for request in sent if not request["documentURL"].startswith("chrome://")]
