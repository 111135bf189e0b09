"""What a person reads who may not see a page."""

from fastapi import Request, Response

from broker.web.pages.frame import base_context, page
from broker.web.problems import Refusal
from broker.web.sentences import kind_of, sentence


def refused_page(request: Request, why: Refusal) -> Response:
    """The refusal as a page, with where to sign in."""
    visitor = getattr(request.state, "visitor", None)  # a request may be refused before anybody asked who makes it
    context = base_context(request, visitor)
    title = kind_of(why.status, context["lang"])
    told = sentence(str(why), context["lang"]) or title
    return page(request, "people/refused.html", context, why.status, title=title, told=told, roles=why.roles)
