"""The reports of both registers as text for a terminal."""

from collections.abc import Sequence
from typing import Any

from broker.registers.elections import figures
from broker.registers.elections.models import Body
from broker.registers.figures import DASH
from broker.registers.words import value_word


def elections_text(bodies: Sequence[Body], found: dict[str, Any], lang: str) -> str:
    """Figures before and after, the extremes, and the first overdue steps."""
    lines = [f"{found['bodies']} {'个组织' if lang == 'zh' else 'bodies'}"]
    for item in figures.compute(bodies):
        sides = []
        for side in (item.before, item.after):
            numbers = side.as_json(item.definition.decimals)
            detail = f" ({numbers['numerator']}/{numbers['denominator']})" if numbers.get("denominator") else ""
            sides.append(f"{numbers['text']}{detail}")
        title = item.definition.zh if lang == "zh" else item.definition.en
        lines.append(f"  {title}: {sides[0]} → {sides[1]}")
    attended, longest = found["largest_attendance"], found["longest_serving"]
    if attended:
        word = "到会人数最多" if lang == "zh" else "largest meeting"
        lines.append(f"  {word}: {attended['present']} ({attended['body']})")
    if longest:
        terms = longest["consecutive_terms"] or DASH
        words = ("任职最久", "年，届数") if lang == "zh" else ("longest serving", "years, terms")
        lines.append(f"  {words[0]}: {longest['body']}, {longest['years']} {words[1]} {terms}")
    lines.append(f"  {'逾期步骤' if lang == 'zh' else 'overdue steps'}: {len(found['overdue_steps'])}")
    for step in found["overdue_steps"][:20]:
        word = value_word("step", step["step"], lang)
        lines.append(f"    {step['planned_on']}  +{step['days_late']} d  {step['body']}  {word}")
    return "\n".join(lines)


def safety_text(found: dict[str, Any], lang: str) -> str:
    """Each programme's standing, what is overdue and what comes next."""
    zh = lang == "zh"
    lines = []
    for item in found["programmes"]:
        accepted, progress = item["accepted"], item["progress"]
        words = ("已验收", "平均进度", "点位", "未填") if zh else ("accepted", "mean progress", "sites", "not stated")
        lines.append(
            f"{item['title']}: {words[0]} {accepted['numerator']}/{accepted['denominator']} ({accepted['text']}), "
            f"{words[1]} {progress['text']} ({words[2]} {progress['sites']}, {words[3]} {progress['not_stated']})"
        )
    for key, title in (("overdue", "逾期" if zh else "overdue"), ("next_due", "即将到期" if zh else "next")):
        lines.append(f"{title}: {len(found[key])}")
        lines += [f"  {due['due_on']}  {due['site'] or due['programme']}  {due['text']}" for due in found[key][:20]]
    return "\n".join(lines)
