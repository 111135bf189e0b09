"""A browser's page whose requests are answered by the whole application in this process, as one person's."""

from urllib.parse import urlsplit

from fastapi.testclient import TestClient
from playwright.sync_api import Page, Route

HOME = "http://127.0.0.1"
OURS = ("accept", "accept-language", "content-type", "idempotency-key", "sec-fetch-site")


def routed(page: Page, client: TestClient) -> list[str]:
    """Answer the page by the client from now on; what it asked elsewhere, and what went wrong on it, comes in here."""
    odd: list[str] = []
    page.unroute_all()
    page.on("pageerror", lambda error: odd.append(str(error)))
    page.on("console", lambda line: odd.append(line.text) if line.type == "error" else None)

    def answer(route: Route) -> None:
        asked = route.request
        if not asked.url.startswith(f"{HOME}/"):
            odd.append(asked.url)
            return route.abort()
        url = urlsplit(asked.url)
        headers = {name: value for name, value in asked.headers.items() if name in OURS}
        path = f"{url.path}?{url.query}" if url.query else url.path
        got = client.request(asked.method, path, content=asked.post_data_buffer, headers=headers)
        return route.fulfill(status=got.status_code, body=got.content, headers=dict(got.headers))

    page.route("**", answer)
    return odd
