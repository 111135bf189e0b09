"""Which language a reader is answered in."""

from fastapi import Request

from broker.words import LANGUAGES

LANG_COOKIE = "zhanpai_lang"


def language_of(request: Request) -> str:
    """As asked for in the address, else as chosen before, else as the browser says; Chinese if it says nothing."""
    wanted = request.query_params.get("lang") or request.cookies.get(LANG_COOKIE)
    if wanted in LANGUAGES:
        return str(wanted)
    return "en" if request.headers.get("accept-language", "").lower().startswith("en") else "zh"


def language_of_answer(request: Request) -> str:
    """The same for what is no page; English, in which the code itself speaks, to a program that asks for none."""
    asked = request.headers.get("accept-language") or request.query_params.get("lang") or LANG_COOKIE in request.cookies
    return language_of(request) if asked else "en"
