"""A browser's page whose requests are answered by the whole application in this process, as one person's."""

import json
from urllib.parse import urlsplit

from fastapi.testclient import TestClient
from playwright.sync_api import Page, Route

from broker.web.stream.changes import parts_of

HOME = "http://127.0.0.1"
EVENTS = f"{HOME}/api/v1/events"
ASK_AGAIN_MS = 1000
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
        if asked.url == EVENTS:  # a stream without an end is told as its beginning, again and again
            picture = client.get("/api/v1/picture").json()
            told = json.dumps({"at": picture["at"], "parts": parts_of(picture)})
            body = f"retry: {ASK_AGAIN_MS}\nevent: snapshot\ndata: {told}\n\n"
            return route.fulfill(body=body, content_type="text/event-stream")
        url = urlsplit(asked.url)
        headers = {name: value for name, value in asked.headers.items() if name in OURS}
        path = f"{url.path}?{url.query}" if url.query else url.path
        got = client.request(asked.method, path, content=asked.post_data_buffer, headers=headers)
        return route.fulfill(status=got.status_code, body=got.content, headers=dict(got.headers))

    page.route("**", answer)
    return odd
