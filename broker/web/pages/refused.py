"""What a person reads who may not see a page."""

from fastapi import Request, Response

from broker.web.languages import language_of
from broker.web.pages.register_frame import base_context, page
from broker.web.pages.rendering import WORDS
from broker.web.problems import Refusal


def refused_page(request: Request, why: Refusal) -> Response:
    """The refusal as a page, with where to sign in."""
    title = WORDS.say(language_of(request), "problem", str(why.status))
    return page(request, "people/refused.html", base_context(request, None), why.status, title=title, told=str(why))
