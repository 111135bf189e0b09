"""The pilot's published table must come out of the demo roster by computation, and figures must be honest."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.registers.elections.ages import BANDS, completed_years, is_under
from broker.registers.elections.demo import demo_elections, first_day_for, spread
from broker.registers.elections.figures import chosen, compute
from broker.registers.elections.models import Body, ElectionRegister, Member, Term
from broker.registers.elections.report import (
    counted,
    largest_attendance,
    longest_serving,
    open_steps,
    report,
    skipped_steps,
)
from broker.registers.figures import Mean, Number, Share, count_of, mean_of, share_of
from broker.registers.folder import ELECTIONS, SAFETY
from broker.registers.safety.demo import demo_works
from broker.registers.safety.figures import by_estate, by_programme, dues
from broker.registers.safety.figures import report as works_report
from broker.registers.validation import checked

# What the newsletter printed: figure, before, after (None: it says nothing).
PUBLISHED = [
    ("members_college", "57.8 %", "76.5 %"),
    ("members_mean_age", "59", "49"),
    ("heads", None, "16"),
    ("heads_college", "87.5 %", "100 %"),
    ("heads_bachelor", None, "81.25 %"),
    ("heads_under_40", "25 %", "50 %"),
    ("heads_mean_age", "44.87", "43.5"),
    ("with_deputy", "25 %", "50 %"),
    ("part_time_self_governance", None, "32 %"),
    ("part_time_co_governance", None, "44 %"),
    ("part_time_support", None, "24 %"),
    ("part_time_young_officials", None, "10"),
    ("full_time_social_workers", None, "30"),
    ("youngest_head", None, "34"),
    ("youngest_deputy", None, "33"),
    ("youngest_member", None, "27"),
]


def roster(first_day=date(2021, 4, 10)):
    return checked(ELECTIONS, demo_elections(first_day))


def printed(bodies):
    return {
        item.definition.id: (item.before.text(item.definition.decimals), item.after.text(item.definition.decimals))
        for item in compute(bodies)
    }


@pytest.mark.parametrize("first_day", [date(2021, 4, 10), date(2024, 2, 20), date(2027, 1, 1)])
def test_the_published_table_comes_out_of_the_demo_roster(first_day):
    """Every figure the newsletter printed is computed from the roster, whatever the year."""
    bodies = chosen(roster(first_day), "party_branch", "first")
    table = printed(bodies)
    for figure, before, after in PUBLISHED:
        assert before in (None, table[figure][0]), figure
        assert after in (None, table[figure][1]), figure
    under_40 = next(item for item in compute(bodies) if item.definition.id == "heads_under_40")
    assert under_40.after == Share(8, 16)
    assert largest_attendance(bodies)[1] == 301
    longest = longest_serving(bodies)
    assert (longest.years, longest.consecutive_terms) == (11, 4)


def test_the_roster_has_the_bodies_of_the_pilot():
    """16 areas, 79 second-level branches below them, committees and federations still to come."""
    register = roster()
    assert len(register.areas) == 16
    assert len(chosen(register, "party_branch", "second")) == 79
    assert len(chosen(register, "residents_committee")) == len(chosen(register, "womens_federation")) == 16
    assert {body.parent for body in chosen(register, level="second")} == {
        body.id for body in chosen(register, "party_branch", "first")
    }


def test_forty_one_is_the_only_size_of_the_part_time_group_that_fits():
    """With ten young officials as the support force only 41 = 13 + 18 + 10 prints 32, 44 and 24 per cent."""
    fits = [
        (n, own, n - own - 10)
        for n in range(11, 200) for own in range(n - 9)
        if (Share(own, n).text(0), Share(n - own - 10, n).text(0), Share(10, n).text(0)) == ("32 %", "44 %", "24 %")
    ]
    assert fits == [(41, 13, 18)]


def test_ninety_eight_is_the_smallest_membership_that_fits():
    """16 secretaries, 8 deputies, at least 30 full-time and 41 part-time members; 76.5 per cent needs 98."""
    sizes = [n for n in range(95, 120) if any(Share(k, n).text() == "76.5 %" for k in range(n))]
    assert sizes[0] == 98


def test_the_mean_age_of_secretaries_is_printed_rounded_down():
    """718 years over 16 people are 44.875: only rounding down prints what was published."""
    assert Mean(718, 16).text(2) == "44.87"
    assert f"{718 / 16:.2f}" == "44.88"


def test_not_stated_is_never_counted_as_zero():
    """Unknown answers leave the denominator and are counted apart; all unknown is a dash."""
    assert share_of([True, None, False]) == Share(1, 2, 1)
    assert share_of([None]).text() == "–"
    assert mean_of([None, 40]) == Mean(40, 1, 1)
    assert count_of([None, None]) == Number(None, 2)
    assert count_of([]) == Number(0)
    empty = Body(id="b", area="a", kind="party_branch", level="first", name="x")
    assert all(text == ("–", "–") for key, text in printed([empty]).items() if key.startswith("members_"))


@given(st.integers(0, 500), st.integers(1, 500), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_a_share_never_prints_more_than_half_a_step_away(numerator, denominator, decimals):
    """The printed share lies within half of its last digit of the exact one."""
    text = Share(min(numerator, denominator), denominator).text(decimals)
    exact = 100 * min(numerator, denominator) / denominator
    assert abs(float(text.removesuffix(" %")) - exact) <= 0.5 * 10**-decimals + 1e-9


def test_large_means_keep_their_zeros():
    """Dropping trailing zeros touches decimals only, never the tens."""
    assert Mean(400, 10).text(2) == "40"
    assert Mean(100, 1).text(0) == "100"
    assert Share(1, 10).text(0) == "10 %"


@given(st.dates(date(1930, 1, 1), date(2005, 12, 31)), st.dates(date(2010, 1, 1), date(2040, 12, 31)))
@settings(max_examples=150, deadline=None)
def test_completed_years_change_on_the_birthday_only(born, on):
    """One is a year older on the birthday and on no other day."""
    years = completed_years(born, on)
    assert 0 <= years <= 111
    older = completed_years(born, on + timedelta(days=1)) - years
    birthday = (on + timedelta(days=1)).strftime("%m-%d")
    assert older == 0 or birthday in (born.strftime("%m-%d"), "03-01" if born.strftime("%m-%d") == "02-29" else "")


def test_an_age_band_answers_only_what_it_can():
    """30-39 is under 40, 40-49 is not, and a limit inside the band cannot be told."""
    assert is_under(-1, "30_39", 40) is True
    assert is_under(-1, "40_49", 40) is False
    assert is_under(-1, "30_39", 35) is None
    assert set(BANDS) == set(Member.model_fields["age_band"].annotation.__args__[0].__args__)


@given(st.integers(1, 40), st.integers(20, 40), st.integers(0, 30), st.data())
@settings(max_examples=60, deadline=None)
def test_spread_sums_to_what_was_asked(count, low, width, data):
    """Spread ages stay in their bounds, start with the youngest, and have the asked sum."""
    high = low + width
    total = low + data.draw(st.integers((count - 1) * low, (count - 1) * high))
    values = spread(total, count, low, high)
    assert sum(values) == total
    assert len(values) == count
    assert count == 1 or (values[0] == low and all(low <= value <= high for value in values))


def test_only_the_members_of_the_term_are_counted():
    """Members of the old term never enter a figure of the new one."""
    def member(name, education):
        return Member(id=name, post="part_time_member", education=education, age_years=50)
    body = Body(
        id="b", area="a", kind="party_branch", level="first", name="x",
        before=Term(starts_on=date(2018, 1, 1), ends_on=date(2021, 1, 1), members=[member("m1", "college")]),
        after=Term(starts_on=date(2021, 1, 2), members=[member("m2", "senior_secondary"), member("m3", "doctor")]),
    )
    table = printed([body])
    assert table["members_college"] == ("100 %", "50 %")


def test_overdue_steps_are_listed_with_their_days():
    """Before the second-level elections nothing of them is late; a year later all of it is that is not done."""
    register = roster()
    branches = chosen(register, "party_branch", "second")
    assert not [step for step in open_steps(branches, date(2021, 3, 1)) if step.days > 0]
    late = [step for step in open_steps(branches, date(2022, 6, 1)) if step.days > 0]
    assert len(late) == sum(step.done_on is None for body in branches for step in body.steps.values()) > 79 * 6
    assert late[0].days > 300
    assert not skipped_steps(register.bodies)


def test_few_steps_of_the_demo_are_overdue_for_who_looks_today():
    """Made up for any day, some are: enough to see, few enough to read."""
    for today in (date(2026, 11, 29), date(2028, 2, 29)):
        register = checked(ELECTIONS, demo_elections(first_day_for(today)))
        assert 1 <= sum(step.days > 0 for step in open_steps(register.bodies, today)) <= 10
        assert not skipped_steps(register.bodies)


def test_the_newest_tallies_are_added_up_with_their_days():
    """Voters and households of the bodies that state them; the rest is counted as not stated, never as none."""
    document = demo_elections()
    for body in document["bodies"]:
        body["tallies"] = []
    document["bodies"][0]["tallies"] = [
        {"on": "2021-03-01", "voters_registered": 100, "households_visited": 50},
        {"on": "2021-03-08", "voters_registered": 180, "households_visited": None},
    ]
    document["bodies"][1]["tallies"] = [{"on": "2021-03-02", "voters_registered": 20, "households_visited": None}]
    bodies = checked(ELECTIONS, document).bodies
    voters = counted(bodies, "voters_registered")
    assert (voters.total, voters.bodies, voters.not_stated) == (200, 2, 125)
    assert (voters.first_on, voters.last_on) == (date(2021, 3, 2), date(2021, 3, 8))
    assert counted(bodies, "households_visited").as_json() == {
        "total": 50, "bodies": 1, "not_stated": 126, "first_on": "2021-03-01", "last_on": "2021-03-01"}
    assert counted([], "voters_registered").total is None


def test_a_skipped_step_is_found():
    """A handover that is done while the registration is not is listed."""
    document = demo_elections()
    document["bodies"][0]["steps"]["registration"]["done_on"] = None
    assert skipped_steps(checked(ELECTIONS, document).bodies) == [("pb-a01", "registration")]


def test_the_works_are_counted_against_what_was_promised():
    """28, 25, 6 and 4 are promised; accepted, open and overdue come out of the sites."""
    register = checked(SAFETY, demo_works())
    standing = {item.id: item for item in by_programme(register)}
    assert {name: item.target for name, item in standing.items()} == {"rescue": 28, "ebike": 25, "lift": 6, "fire": 4}
    assert standing["rescue"].share() == Share(15, 28)
    assert standing["lift"].progress.text() == "80 %"
    assert sum(item.named for item in by_estate(register)) == 63
    found = dues(register, date(2021, 8, 1))
    assert [item.days for item in found] == sorted((item.days for item in found), reverse=True)
    whole = works_report(register, date(2021, 8, 1))
    assert whole["total"]["accepted"]["denominator"] == 63
    assert len(whole["overdue"]) + len(whole["next_due"]) == len(found)


def test_a_cancelled_site_counts_for_nothing():
    """A cancelled site is in the count of its status only."""
    document = demo_works()
    site = document["sites"][0]
    site.update(status="cancelled", acceptance=None)
    standing = {item.id: item for item in by_programme(checked(SAFETY, document))}
    assert (standing["rescue"].named, standing["rescue"].accepted) == (27, 14)
    assert standing["rescue"].by_status["cancelled"] == 1


def test_the_report_is_plain_json():
    """Reports hold texts, numbers and null only."""
    import json

    register = roster()
    assert isinstance(register, ElectionRegister)
    assert json.loads(json.dumps(report(register.bodies, date(2021, 6, 1))))["bodies"] == 127
