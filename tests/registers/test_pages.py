"""The registers' pages in a real browser: log in, read the table, change a member, print; no request goes elsewhere."""

import os
import shutil
import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from broker.registers.elections.demo import demo_elections
from broker.registers.safety.demo import demo_works
from broker.web.api.app import STATIC
from broker.web.api.registers.routers import router
from broker.web.pages.people.sign_in import sign_in_router
from broker.web.security import guarded
from tests.support.people import PASSWORD, House
from tests.support.registers import open_registers

pytestmark = pytest.mark.real

CHROMIUM = os.environ.get("ZP_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]
SHOTS = os.environ.get("ZP_SCREENSHOTS")
DEADLINE_MS = 20_000


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The pages on a free port of this machine, with one registrar; yields (address, registers)."""
    folder = tmp_path_factory.mktemp("pages")
    registers = open_registers(folder / "registers")
    registers.elections.create(demo_elections(), "demo", "demo")
    registers.safety.create(demo_works(), "demo", "demo")
    house = House(folder / "people")
    house.account("王芳", "registrar")
    app = FastAPI()
    app.mount("/static", StaticFiles(directory=STATIC))  # as the bridge does: every page's icon is there
    app.include_router(router(registers))
    app.include_router(sign_in_router(house.gate))
    guarded(app, house.gate)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    give_up_at = time.monotonic() + 20
    while not server.started and time.monotonic() < give_up_at:
        time.sleep(0.05)
    assert server.started
    yield f"http://127.0.0.1:{port}", registers
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def page(served):
    """A browser page that is logged in; requests to any other address are noted."""
    if not Path(CHROMIUM).exists() and shutil.which("chromium") is None:
        pytest.skip(f"{CHROMIUM} is absent: the pages were not looked at in a browser")
    from playwright.sync_api import sync_playwright

    address, _ = served
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
        page = context.new_page()
        page.set_default_timeout(DEADLINE_MS)
        page.foreign = []
        page.complaints = []
        page.on("request", lambda request: page.foreign.append(request.url) if not request.url.startswith(
            (address, "data:")) else None)
        page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
        page.goto(f"{address}/registers")
        page.fill("input[name=account]", "王芳")
        page.fill("input[name=password]", PASSWORD)
        page.click("main button.main")
        page.wait_for_url(f"{address}/registers")
        yield page
        browser.close()


def shoot(page, name):
    """Keep a picture where somebody asked for one."""
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


def test_the_published_table_is_on_the_screen(page, served):
    """The elections page shows shares with both numbers and a bar for each, in Chinese and in English."""
    page.goto(f"{served[0]}/registers/elections")
    row = page.locator("#members_college")
    assert "57.8 %" in row.inner_text()
    assert "52/90" in row.inner_text()
    assert "75/98" in row.inner_text()
    assert float(row.locator("rect.after").get_attribute("width")) == pytest.approx(200 * 75 / 98, abs=0.1)
    assert "44.87" in page.locator("#heads_mean_age").inner_text()
    assert "301" in page.locator("#attendance").inner_text()
    assert "换届前" in page.inner_text("main")
    shoot(page, "elections-zh")
    page.click("a.lang")
    assert "Before and after" in page.inner_text("main")
    shoot(page, "elections-en")
    page.click("a.lang")


def test_a_member_is_changed_by_form(page, served):
    """Open a body, edit the secretary, save with a reason: page and log show it; a wrong date is told."""
    address, registers = served
    page.goto(f"{address}/registers/elections/bodies/pb-a01")
    shoot(page, "body")
    page.locator("a.edit[href*='members'][href*='phase=after'][href*='id=m01']").click()
    page.fill("input[name='f.birth_date']", "1985-02-30")
    page.fill("input[name=why]", "更正出生日期")
    page.click("button[value=save]")
    assert "这一天不存在" in page.locator("#told").inner_text()
    shoot(page, "form-refused")
    page.fill("input[name='f.birth_date']", "1985-03-02")
    page.select_option("select[name='f.education']", "master")
    page.click("button[value=save]")
    page.wait_for_url(f"{address}/registers/elections/bodies/pb-a01")
    assert "硕士" in page.inner_text("main")
    page.goto(f"{address}/registers/elections/log")
    assert "更正出生日期" in page.inner_text("main")
    assert "1985-03-02" not in page.inner_text("main")
    shoot(page, "log")
    assert registers.elections.read().version == 2


def test_a_days_counts_are_typed_in_and_added_up(page, served):
    """Who answers for an election stands on its page; a new tally comes by form, its sum in both languages."""
    address, registers = served
    page.goto(f"{address}/registers/elections/bodies/rc-a01")
    assert "第一责任人" in page.inner_text("dl") and "示例包联干部01" in page.inner_text("dl")
    page.locator("#tallies a.edit").first.click()
    page.fill("input[name='key.on']", "2021-08-01")
    page.fill("input[name='f.voters_registered']", "1234")
    page.fill("input[name=why]", "登记进度")
    page.click("button[value=save]")
    page.wait_for_url(f"{address}/registers/elections/bodies/rc-a01")
    assert "1234" in page.locator("#tallies").inner_text()
    shoot(page, "tallies")
    page.goto(f"{address}/registers/elections?kind=residents_committee&level=first")
    assert "选民登记数: 1234" in page.locator("#voters_registered").inner_text()
    page.click("a.lang")
    assert "voters registered: 1234" in page.locator("#voters_registered").inner_text()
    page.click("a.lang")
    body = next(body for body in registers.elections.read().document["bodies"] if body["id"] == "rc-a01")
    assert body["tallies"] == [{"on": "2021-08-01", "voters_registered": 1234, "households_visited": None}]


def test_an_import_is_previewed_and_done_in_the_browser(page, served, tmp_path):
    """A GB18030 file from a spreadsheet: wrong rows are listed by number, a good file is previewed, then stored."""
    address, registers = served
    for name, text in (("bad.csv", "编号,名称\n坏 编号,x\n"), ("good.csv", "编号,名称\na01,改名居民区\n")):
        (tmp_path / name).write_bytes(text.encode("gb18030"))
    page.goto(f"{address}/registers/elections/import")
    page.set_input_files("input[name=file]", str(tmp_path / "bad.csv"))
    page.select_option("select[name=table]", "areas")
    page.click("button.main")
    assert "第 2 行" in page.locator("#told").inner_text()
    page.set_input_files("input[name=file]", str(tmp_path / "good.csv"))
    page.select_option("select[name=table]", "areas")
    page.click("button.main")
    assert "改名居民区" in page.locator("#preview").inner_text()
    shoot(page, "import-preview")
    page.fill("#preview input[name=why]", "名单更新")
    page.click("#preview button.main")
    page.wait_for_url("**/log")
    assert registers.elections.read().document["areas"][0]["name"] == "改名居民区"


def test_the_works_are_listed_by_estate(page, served):
    """The safety page shows what was promised and accepted, and each site under its estate."""
    page.goto(f"{served[0]}/registers/safety")
    assert "15/28" in page.locator("#rescue").inner_text()
    assert page.locator("a[href^='/registers/safety/sites/']").count() >= 63
    shoot(page, "safety")
    page.goto(f"{served[0]}/registers/safety/sites/rescue-05")
    assert "标识不清" in page.inner_text("main")
    shoot(page, "site")


def test_the_page_prints_without_its_tools(page, served):
    """On paper there are tables and bars, no buttons, links or forms."""
    page.goto(f"{served[0]}/registers/elections")
    page.emulate_media(media="print")
    assert not page.locator(".tools").first.is_visible()
    assert not page.locator("nav").is_visible()
    assert page.locator("#members_college rect.after").is_visible()
    shoot(page, "print")
    assert len(page.pdf()) > 10_000
    page.emulate_media(media="screen")


def test_nothing_was_asked_of_any_other_address(page):
    """All pages together made no foreign request and broke no content rule (a refused form's 422 apart)."""
    assert page.foreign == []
    assert [text for text in page.complaints if "422" not in text] == []
