"""What a person reads who may not see a page."""

from fastapi import Request, Response

from broker.web.languages import language_of
from broker.web.pages.frame import base_context, page
from broker.web.pages.rendering import WORDS
from broker.web.problems import Refusal
from broker.web.sentences import sentence


def refused_page(request: Request, why: Refusal) -> Response:
    """The refusal as a page, with where to sign in."""
    titles = WORDS.groups(language_of(request))["problem"]
    title = titles.get(str(why.status)) or titles["other"]
    visitor = getattr(request.state, "visitor", None)  # a request may be refused before anybody asked who makes it
    context = base_context(request, visitor)
    told = sentence(str(why), context["lang"]) or title
    return page(request, "people/refused.html", context, why.status, title=title, told=told, roles=why.roles)
