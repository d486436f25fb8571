"""Pages as headless Firefox ESR has them, with the ticket that the environment names: PROFILE STEP ...

A step is a URL to go to, `click=SELECTOR` to click on something of the page, or `shot=FILE` for a
picture of it. After each of the first two, title and text of the page are printed. Firefox is driven by
Marionette: messages of JSON, each behind its length.
"""

import base64
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

PROFILE, STEPS = pathlib.Path(sys.argv[1]), sys.argv[2:]


PREFERENCES = {
    # What an administrator sets (policies.json: Authentication, SPNEGO).
    "network.negotiate-auth.trusted-uris": "localhost",
    # Of its own choice: it says which, in a file of the profile.
    "marionette.port": 0,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}


class Marionette:
    def __init__(self):
        until = time.monotonic() + 120
        while True:
            try:
                port = int((PROFILE / "MarionetteActivePort").read_text())
                self.socket = socket.create_connection(("127.0.0.1", port), 120)
                break
            except (OSError, ValueError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        self.file = self.socket.makefile("rb")
        self.number = 0
        self.receive()

    def receive(self):
        digits = b""
        while not digits.endswith(b":"):
            digits += self.file.read(1)
        return json.loads(self.file.read(int(digits[:-1])))

    def __call__(self, command, **arguments):
        self.number += 1
        text = json.dumps([0, self.number, command, arguments]).encode()
        self.socket.sendall(b"%d:" % len(text) + text)
        _, _, error, result = self.receive()
        if error:
            raise SystemExit(f"{command}: {error['error']}: {error['message']}")
        return result


PROFILE.mkdir(parents=True)
with open(PROFILE / "user.js", "w") as file:
    for name, value in PREFERENCES.items():
        file.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
firefox = subprocess.Popen(
    ["firefox-esr", "--headless", "--no-remote", "--marionette", "--profile", PROFILE],
    env={**os.environ, "HOME": str(PROFILE), "MOZ_CRASHREPORTER_DISABLE": "1"},
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
    start_new_session=True,
)
try:
    marionette = Marionette()
    marionette("WebDriver:NewSession", acceptInsecureCerts=True, timeouts={"pageLoad": 120000})
    for step in STEPS:
        if step.startswith("shot="):
            shot = marionette("WebDriver:TakeScreenshot", full=True)
            pathlib.Path(step[5:]).write_bytes(base64.b64decode(shot["value"]))
            continue
        if step.startswith("click="):
            found = marionette("WebDriver:FindElement", using="css selector", value=step[6:])
            (element,) = found["value"].values()
            marionette("WebDriver:ElementClick", id=element)
        else:
            marionette("WebDriver:Navigate", url=step)
        text = marionette(
            "WebDriver:ExecuteScript", script="return document.title + '\\n' + document.body.innerText", args=[]
        )
        print(text["value"])
finally:
    os.killpg(firefox.pid, signal.SIGKILL)
    firefox.wait()
