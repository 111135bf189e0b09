"""The reports of both registers as text for a terminal."""

from collections.abc import Sequence
from typing import Any

from broker.registers.elections import figures
from broker.registers.elections.models import Body
from broker.registers.figures import DASH, LISTED
from broker.registers.words import WORDS, field_word, figure_word, value_word


def elections_text(bodies: Sequence[Body], found: dict[str, Any], lang: str) -> str:
    """Figures before and after, the extremes, and the first overdue steps."""
    lines = [WORDS.say(lang, "report", "bodies", bodies=found["bodies"])]
    for item in figures.compute(bodies):
        sides = []
        for side in (item.before, item.after):
            numbers = side.as_json(item.definition.decimals)
            detail = f" ({numbers['numerator']}/{numbers['denominator']})" if numbers.get("denominator") else ""
            sides.append(f"{numbers['text']}{detail}")
        lines.append(f"  {figure_word(item.definition.id, lang)}: {sides[0]} → {sides[1]}")
    attended, longest = found["largest_attendance"], found["longest_serving"]
    if attended:
        lines.append("  " + WORDS.say(lang, "report", "attended", **attended))
    if longest:
        terms = longest["consecutive_terms"] or DASH
        lines.append("  " + WORDS.say(lang, "report", "longest", terms=terms, **longest))
    lines += [
        "  " + WORDS.say(lang, "report", "counted", what=field_word(field, lang), **found[field])
        for field in ("voters_registered", "households_visited") if found[field]["bodies"]
    ]
    lines.append("  " + WORDS.say(lang, "report", "overdue_steps", count=len(found["overdue_steps"])))
    for step in found["overdue_steps"][:LISTED]:
        word = value_word("step", step["step"], lang)
        lines.append(f"    {step['planned_on']}  +{step['days_late']} d  {step['body']}  {word}")
    return "\n".join(lines)


def safety_text(found: dict[str, Any], lang: str) -> str:
    """Each programme's standing, what is overdue and what comes next."""
    lines = []
    for item in found["programmes"]:
        accepted, progress = item["accepted"], item["progress"]
        lines.append(
            WORDS.say(
                lang, "report", "programme", title=item["title"], accepted=accepted["numerator"],
                of=accepted["denominator"], share=accepted["text"], progress=progress["text"], sites=progress["sites"],
                not_stated=progress["not_stated"],
            )
        )
    for key in ("overdue", "next_due"):
        lines.append(WORDS.say(lang, "report", key, count=len(found[key])))
        lines += [f"  {due['due_on']}  {due['site'] or due['programme']}  {due['text']}" for due in found[key][:LISTED]]
    return "\n".join(lines)
