"""What a person sees: Debian's Chromium, on the machine `browser`, steered from here."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from pictures import png
from scenario import connect
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.proxy import Proxy, ProxyType
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.command import Command
from selenium.webdriver.remote.file_detector import UselessFileDetector
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions as conditions
from selenium.webdriver.support.wait import WebDriverWait
from targets import FILM, PORT, Target

CHROMEDRIVER = "http://10.213.5.101:9515"
# A bound against hanging.
PATIENCE = 120
# Said of every page without TLS. The header does its work once a proxy with TLS stands in front.
WITHOUT_TLS = "The Cross-Origin-Opener-Policy header has been ignored"
# Where the poster lies on the browser's machine: chromedriver takes no file from elsewhere.
FILE = "/tmp/poster.png"

# What a page has without its styles, to tell that it has them.
STRIP = "for (const sheet of document.styleSheets) sheet.disabled = true"
# Fails if the file is not an image.
DECODE = "return arguments[0].decode().then(() => arguments[0].naturalWidth)"
# Another machine's; whether there is one does not matter.
ELSEWHERE = f"http://10.213.5.100:{PORT}/icon.svg"
# The policy lets a page do neither.
FORBIDDEN = {
    "foreign image": "document.body.append(Object.assign(new Image(), {src: arguments[0]}))",
    "code in the page": "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))",
}


@dataclass(frozen=True)
class Seen:
    """What happened in the browser since it was last asked."""

    requests: frozenset[str]
    complaints: tuple[str, ...]  # warnings and errors of the console

    def foreign(self, origin: str) -> set[str]:
        return {url for url in self.requests if "{0.scheme}://{0.netloc}".format(urlsplit(url)) != origin}


@dataclass(frozen=True)
class Browser:
    """A browser that looks at one host."""

    driver: webdriver.Remote
    origin: str

    def open(self, path: str) -> None:
        self.driver.get(f"{self.origin}{path}")

    def find(self, css: str) -> WebElement:
        """Return an element once a person can see it."""
        visible = conditions.visibility_of_element_located((By.CSS_SELECTOR, css))
        return WebDriverWait(self.driver, PATIENCE).until(visible, f"not to be seen: {css}")

    def click(self, css: str) -> None:
        self.find(css).click()

    def shows(self, css: str, text: str) -> None:
        """Wait until an element has the text."""
        present = conditions.text_to_be_present_in_element((By.CSS_SELECTOR, css), text)
        WebDriverWait(self.driver, PATIENCE).until(present, f"not in {css}: {text}")

    def log(self, kind: str) -> list[dict[str, str]]:
        """Return what came since this log was last asked for."""
        lines: list[dict[str, str]] = self.driver.execute(Command.GET_LOG, {"type": kind})["value"]
        return lines

    def seen(self) -> Seen:
        events = [json.loads(line["message"])["message"] for line in self.log("performance")]
        urls = [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        urls += [event["params"]["url"] for event in events if event["method"] == "Network.webSocketCreated"]
        return Seen(
            frozenset(url for url in urls if not url.startswith("data:")),
            tuple(
                line["message"]
                for line in self.log("browser")
                if line["level"] in {"WARNING", "SEVERE"} and WITHOUT_TLS not in line["message"]
            ),
        )

    def took_only_its_own(self, *paths: str) -> None:
        """Make sure that pages took these, nothing from elsewhere, and had nothing to complain of."""
        seen = self.seen()
        assert {f"{self.origin}{path}" for path in paths} <= seen.requests
        assert seen.foreign(self.origin) == set()
        assert seen.complaints == ()


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Remote]:
    options = webdriver.ChromeOptions()
    options.add_argument("--headless=new")
    options.add_argument("--window-size=1280,1024")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # A proxy of this machine's does not know the network.
    direct = Proxy({"proxyType": ProxyType.DIRECT})
    driver = webdriver.Remote(
        CHROMEDRIVER,
        file_detector=UselessFileDetector(),
        options=options,
        client_config=ClientConfig(CHROMEDRIVER, proxy=direct, timeout=2 * PATIENCE),
    )
    yield driver
    driver.quit()


@pytest.fixture
def browser(target: Target, driver: webdriver.Remote) -> Browser:
    browser = Browser(driver, f"http://{target.address}:{PORT}")
    driver.get("about:blank")
    browser.seen()
    return browser


@pytest.fixture
def title(target: Target) -> str:
    return str(target.request(FILM).json["title"])


@pytest.fixture
def no_poster(target: Target) -> Iterator[None]:
    yield
    assert target.change(FILM, poster=None).status == 200


def test_the_docs_show_the_api_and_try_it(browser: Browser, title: str) -> None:
    browser.open("/api/docs")
    browser.find("[data-path='/api/movies']")
    browser.click(".opblock-get:has([data-path='/api/movies/{id}']) .opblock-summary-control")
    browser.click(".try-out__btn")
    browser.find("[data-param-name=id] input").send_keys(FILM.rpartition("/")[2])
    browser.click(".execute")
    browser.shows(".live-responses-table .response .highlight-code", f'"title": "{title}"')
    browser.took_only_its_own("/api/docs", "/api/schema", FILM)


def test_an_editor_sees_the_poster_that_was_uploaded(
    target: Target, browser: Browser, title: str, no_poster: None
) -> None:
    poster = base64.b64encode(png()).decode()
    connect("browser").check_output("echo %s | base64 -d > %s", poster, FILE)

    browser.open("/admin/")
    header = browser.find("#header")
    painted = header.value_of_css_property("background-color")
    browser.driver.execute_script(STRIP)
    assert painted != header.value_of_css_property("background-color")

    browser.find("[name=username]").send_keys("admin")
    browser.find("[name=password]").send_keys(target.secret("django_admin_password"))
    browser.click("[type=submit]")
    browser.find("#user-tools")
    browser.click("#content .model-film th a")
    browser.find("#result_list").find_element(By.LINK_TEXT, title).click()
    browser.find("[name=poster]").send_keys(FILE)
    browser.click("[name=_continue]")
    browser.find(".messagelist .success")
    image = browser.find(".field-preview img")
    assert browser.driver.execute_script(DECODE, image) == 1

    address = str(image.get_property("src"))
    assert address.startswith(f"{browser.origin}/static/media/")
    assert address == target.request(FILM).json["poster"]
    browser.took_only_its_own(
        f"{FILM.replace('/api/movies', '/admin/movies/film')}/change/", urlsplit(address).path
    )


def test_what_comes_from_elsewhere_would_be_noticed(browser: Browser) -> None:
    browser.driver.get(f"data:text/html,<img src={ELSEWHERE}><script>console.error('wrong')</script>")
    seen = browser.seen()
    assert seen.foreign(browser.origin) == {ELSEWHERE}
    assert any("wrong" in complaint for complaint in seen.complaints), seen


@pytest.mark.parametrize("what", FORBIDDEN)
def test_what_the_policy_forbids_would_be_noticed(browser: Browser, what: str) -> None:
    browser.open("/admin/login/")
    browser.seen()
    browser.driver.execute_script(FORBIDDEN[what], ELSEWHERE)
    complaints = WebDriverWait(browser.driver, PATIENCE).until(lambda _: browser.seen().complaints)
    assert all("Content Security Policy" in complaint for complaint in complaints), complaints
