"""The pages in a real browser: no error on the console, and no request leaves the page."""

import json
import shutil
import subprocess

import pytest
import synthetic

from rheode import report
from rheode.report import movie, style

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


def visit(page, profile):
    """(lines on the console, addresses requested by the page, its DOM) of a page opened from its file."""
    profile.mkdir()
    log = profile / "net.json"
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
         "--host-resolver-rules=MAP * ~NOTFOUND",  # the browser's own calls home stay in the house too
         f"--user-data-dir={profile}", "--enable-logging=stderr", "--v=0", f"--log-net-log={log}", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    parameters = [event.get("params") for event in json.loads(log.read_text())["events"]]
    # What the browser asks for on its own account has no web origin.
    requested = {p["url"] for p in parameters if isinstance(p, dict) and "url" in p and p.get("initiator", "not an origin") != "not an origin"}
    return console, requested, done.stdout


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    for module, name, value in ((style, "SCREEN_DPI", 60), (style, "PRINT_DPI", 40), (movie, "DPI", 60)):
        patch.setattr(module, name, value)
    base = tmp_path_factory.mktemp("browser")
    run = synthetic.make_run(base / "run", cycles=2, increments=6, frames=2, size=0.9)
    written = report.write(run), report.compare([run, run], base / "comparison").page
    patch.undo()
    return written


@pytest.mark.parametrize("which", [0, 1], ids=["report", "comparison"])
def test_page_is_quiet_and_complete(pages, which, tmp_path):
    console, requested, dom = visit(pages[which], tmp_path / "profile")
    assert console == []
    assert requested == set()
    assert dom.rstrip().endswith("</html>") and "<main>" in dom


def test_the_check_sees_what_it_looks_for(pages, tmp_path):
    """A page that fetches is seen on the network without the policy, and on the console with it."""
    html = pages[0].read_text(encoding="utf-8").replace("<main>", '<main><img src="http://127.0.0.1:9/x.png" alt="">')
    guarded, open_ = tmp_path / "guarded.html", tmp_path / "open.html"
    guarded.write_text(html, encoding="utf-8")
    open_.write_text(html.replace("Content-Security-Policy", "X-None"), encoding="utf-8")
    console, requested, _ = visit(guarded, tmp_path / "one")
    assert any("Content Security Policy" in line for line in console) and requested == set()
    assert visit(open_, tmp_path / "two")[1] == {"http://127.0.0.1:9/x.png"}
