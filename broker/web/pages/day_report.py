"""The day report as one HTML file: sentences, charts, tables, also on a phone; nothing is loaded from anywhere."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from html import escape

from broker.reports.sentences import kilograms, sentences
from broker.reports.tables import known
from broker.reports.words import DISAGREEMENT, WASTE, in_language, word
from broker.rules.statistics.cube import Cube, Figures, fold, series, total
from broker.rules.statistics.facts import Fact
from broker.rules.statistics.findings import disagreeing, lanes, weigh_ins

DAYS_SHOWN = 14
_BLOCKS_FROM = 6  # a table of so many columns shows its rows one below the other on a phone

_STYLE = """
body{font:16px/1.5 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;max-width:52rem;margin:2rem auto;
padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25rem .5rem;border-bottom:1px solid #d0d7de;vertical-align:top}
th,.n{white-space:nowrap}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.chart{display:grid;grid-template-columns:max-content 1fr max-content;gap:.25rem .5rem;align-items:center;
font-size:.875rem;margin:0 0 1rem}.chart span{overflow-wrap:anywhere}.chart .of{text-align:right}
.chart svg{display:block;width:100%;height:1rem}
.bar{fill:#2f6f4f}.gap{fill:#fff;stroke:#8c959f;stroke-dasharray:4 3}
@media (max-width:600px){body{margin:1rem auto}table{font-size:.8125rem}th,td{padding:.25rem .2rem}
td.n,th.n{padding-left:.4rem}
.chart{grid-template-columns:fit-content(9rem) 1fr max-content}
.blocks thead{display:none}.blocks tr{display:block;padding:.5rem 0;border-bottom:1px solid #d0d7de}
.blocks td{display:flex;justify-content:space-between;gap:1rem;border:0;padding:.1rem 0;text-align:right}
.blocks td::before{content:attr(data-head);text-align:left;white-space:nowrap;color:#57606a}}
@media print{body{margin:0}}
"""


def day_report(
    facts: Sequence[Fact], cube: Cube, area: str, day: str, language: str, timezone: str, names: Mapping[str, str]
) -> str:
    """The report of one day; `facts` and `cube` hold this day and, for the charts, those before it.

    `names` are the plan's, by id, "中文 / English" or one for both; what has none is shown by its id.
    """
    named = {place: in_language(name, language) for place, name in names.items()}
    title = escape(word(language, "title", area=named.get(area, area), day=day))
    figures = total(cube, day, day)
    none = "gap" if figures is None else "none"  # the word where a chapter has nothing
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences(figures, day, language))
    first = (date.fromisoformat(day) - timedelta(days=DAYS_SHOWN - 1)).isoformat()
    chapters = {
        "by_waste": _by_waste(cube, day, language, none),
        "last_days": _last_days(cube, first, day, language),
        "lead": _leads(figures, language, none),
        "lanes": _lanes(facts, first, day, language, timezone, named),
        "weigh_ins": _weigh_ins(facts, day, language, timezone, none),
        "findings": _findings(facts, day, language, timezone, named, none),
    }
    parts = [f"<h1>{title}</h1>{said}"]
    parts += [f"<h2>{escape(word(language, key))}</h2>{chapter}" for key, chapter in chapters.items()]
    code = "zh-CN" if language == "zh" else "en"
    return (
        f'<!doctype html>\n<html lang="{code}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def bars(rows: Sequence[tuple[str, float | None, str]], label: str) -> str:
    """Horizontal bars of (name, value, shown value); None is drawn as an empty dashed box: a gap."""
    most = max([value for _, value, _ in rows if value is not None], default=0) or 1
    drawn = []
    for name, value, shown in rows:
        # Lengths are shares of whatever width there is; a zero is a thin line, which a gap is not.
        kind, width = ("gap", 100.0) if value is None else ("bar", max(0.5, round(100 * value / most, 1)))
        drawn.append(
            f'<span class="of">{escape(name)}</span>'
            f'<svg aria-hidden="true"><rect class="{kind}" width="{width}%" height="100%"/></svg>'
            f"<span>{escape(shown)}</span>"
        )
    return f'<div class="chart" role="group" aria-label="{escape(label)}">{"".join(drawn)}</div>'


def table(heads: Sequence[tuple[str, bool]], rows: Iterable[Sequence[str]], none: str) -> str:
    """A table of escaped texts; a head says whether its column holds numbers. Without rows the word for none."""
    blocks = len(heads) >= _BLOCKS_FROM
    named = [f' data-head="{escape(name)}"' if blocks else "" for name, _ in heads]
    lines = [
        "<tr>"
        + "".join(f"<td{_number(heads[n][1])}{named[n]}>{escape(cell)}</td>" for n, cell in enumerate(row))
        + "</tr>"
        for row in rows
    ]
    if not lines:
        return f"<p>{escape(none)}</p>"
    head = "".join(f"<th{_number(number)}>{escape(name)}</th>" for name, number in heads)
    kind = ' class="blocks"' if blocks else ""
    return f'<div class="wide"><table{kind}><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _number(number: bool) -> str:
    return ' class="n"' if number else ""


def _heads(language: str, texts: Sequence[str], numbers: Sequence[str]) -> list[tuple[str, bool]]:
    return [*((word(language, key), False) for key in texts), *((word(language, key), True) for key in numbers)]


def _by_waste(cube: Cube, day: str, language: str, none: str) -> str:
    folded = {key[1]: figures for key, figures in fold(cube, "day", ("waste",), day, day).items()}
    names = WASTE[language]
    ordered = [waste for waste in names if waste in folded and (waste or folded[waste]["visits"])]
    heads = _heads(language, ["waste"], ["served", "skipped", "bins", "kilograms"])
    rows = [
        (names[waste], str(row["served"]), str(row["skipped"]), _bins(row, language), _kilos(row, language))
        for waste, row in ((waste, folded[waste]) for waste in ordered)
    ]
    unit = word(language, "kilograms")
    chart = [
        (names[waste], grams, _kilos(folded[waste], language) + ("" if grams is None else f" {unit}"))
        for waste, grams in ((waste, known(folded[waste], "grams")) for waste in ordered)
    ]
    return (bars(chart, unit) if chart else "") + table(heads, rows, word(language, none))


def _bins(row: Figures, language: str) -> str:
    bins = known(row, "bins")
    return word(language, "unknown") if bins is None else str(bins)


def _kilos(row: Figures, language: str) -> str:
    grams = known(row, "grams")
    return word(language, "unknown") if grams is None else kilograms(grams)


def _last_days(cube: Cube, first: str, day: str, language: str) -> str:
    rows = [
        (name, None, word(language, "gap"))
        if figures is None
        else (name, known(figures, "bins"), _bins(figures, language))
        for name, figures in series(cube, "day", first, day)
    ]
    return bars(rows, word(language, "last_days"))


def _leads(figures: Figures | None, language: str, none: str) -> str:
    if figures is None or not figures["calls_scored"]:
        return f"<p>{escape(word(language, none))}</p>"
    good, short = figures["calls_13_to_19"], figures["calls_short"]
    others = figures["calls_scored"] - good - short
    rows = [("between_13_19", good), ("under_10", short), ("other_leads", others)]
    return bars([(word(language, key), float(value), str(value)) for key, value in rows], word(language, "lead"))


def _lanes(
    facts: Sequence[Fact], first: str, day: str, language: str, timezone: str, named: Mapping[str, str]
) -> str:
    heads = _heads(language, ["estate", "hour"], ["times", "days", "minutes", "still_blocked"])
    rows = [
        (
            named.get(lane.estate, lane.estate),
            f"{lane.hour:02d}:00",
            str(lane.incidents),
            str(lane.days),
            word(language, "unknown") if lane.blocked_s is None else str(round(lane.blocked_s / 60)),
            str(lane.still_blocked),
        )
        for lane in lanes(facts, timezone, first, day)
        if lane.chronic
    ]
    return table(heads, rows, word(language, "none"))


def _weigh_ins(facts: Sequence[Fact], day: str, language: str, timezone: str, none: str) -> str:
    heads = _heads(language, ["run", "truck", "waste"], ["weighed", "rooms", "difference"])
    unknown = word(language, "unknown")
    rows = [
        (
            one.run_id or unknown,
            one.truck,
            WASTE[language].get(one.waste, one.waste),
            kilograms(one.weighed_grams),
            unknown if one.rooms_grams is None else kilograms(one.rooms_grams),
            unknown if one.difference_grams is None else kilograms(one.difference_grams),
        )
        for one in weigh_ins(facts, timezone, day, day)
    ]
    return table(heads, rows, word(language, none))


def _findings(
    facts: Sequence[Fact], day: str, language: str, timezone: str, named: Mapping[str, str], none: str
) -> str:
    heads = _heads(language, ["room", "truck", "waste", "what"], [])
    rows = [
        (
            named.get(one.room, one.room),
            one.truck,
            WASTE[language].get(one.waste, one.waste),
            word(language, "separator_of_words").join(DISAGREEMENT[language][key] for key in one.words),
        )
        for one in disagreeing(facts, timezone, day, day)
    ]
    return table(heads, rows, word(language, none))
