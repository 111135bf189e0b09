"""The words of the day report in both languages; every key exists in both, which a test checks."""

LANGUAGES = ("zh", "en")

WASTE = {
    "zh": {"residential_wet": "居民湿垃圾", "residential_dry": "居民干垃圾", "unit_wet": "单位湿垃圾",
           "hazardous": "有害垃圾", "renovation": "装修垃圾", "": "未分类"},
    "en": {"residential_wet": "residential wet", "residential_dry": "residential dry", "unit_wet": "unit wet",
           "hazardous": "hazardous", "renovation": "renovation", "": "no kind given"},
}  # fmt: skip

REASON = {
    "zh": {"lane_blocked": "通道堵塞", "no_access": "无法进入", "not_out": "桶未推出", "breakdown": "车辆故障",
           "full_truck": "车辆已满", "contamination": "分类不合格", "unsafe": "不安全", "other": "其他"},
    "en": {"lane_blocked": "lane blocked", "no_access": "no access", "not_out": "bins not out",
           "breakdown": "breakdown", "full_truck": "truck full", "contamination": "contamination",
           "unsafe": "unsafe", "other": "other"},
}  # fmt: skip

DISAGREEMENT = {
    "zh": {"served_but_count_stayed": "已清运但桶数未减", "skipped_but_count_fell": "已跳过但桶数减少",
           "count_fell_but_not_weight": "桶数减少但重量未减", "weight_fell_but_not_count": "重量减少但桶数未减",
           "too_heavy_for_the_count": "重量超出桶数可能", "count_rose": "已清运但桶数增加",
           "weight_rose": "已清运但重量增加", "served_but_weight_stayed": "已清运但重量未减",
           "skipped_but_weight_fell": "已跳过但重量减少"},
    "en": {"served_but_count_stayed": "served, but the bin count stayed",
           "skipped_but_count_fell": "skipped, but the bin count fell",
           "count_fell_but_not_weight": "the count fell, the weight did not",
           "weight_fell_but_not_count": "the weight fell, the count did not",
           "too_heavy_for_the_count": "more weight than so few bins can hold",
           "count_rose": "served, but the bin count rose", "weight_rose": "served, but the weight rose",
           "served_but_weight_stayed": "served, but the weight stayed",
           "skipped_but_weight_fell": "skipped, but the weight fell"},
}  # fmt: skip

TEXT = {
    "zh": {
        "title": "{area} 清运日报 {day}",
        "no_data": "{day} 没有任何记录：这是数据缺口，不是零。",
        "visits": "到站 {visits} 次，完成 {served} 次，跳过 {skipped} 次，"
                  "取消 {cancelled} 次；其中第二次到站完成 {returned} 次。",
        "unsettled": "其中 {count} 次尚无结果。",
        "collected": "清运 {bins} 桶（{bins_known} 次到站有计数）。",
        "collected_weight": "清运 {kilograms} 千克（{grams_known} 次到站有称重）。",
        "collected_unknown": "没有一次到站有计数，清运桶数未知。",
        "skips": "跳过原因：{reasons}。",
        "plan": "按计划准点（±5 分钟）{on_time}/{known} 次，平均{mean}。",
        "promise": "按到站提醒准点（±5 分钟）{on_time}/{known} 次，平均{mean}。",
        "late_by": "晚 {minutes} 分钟", "early_by": "早 {minutes} 分钟",
        "calls": "到站提醒 {calls} 次，其中 {scored} 次可评分：提前 13.5–19.5 分钟 {good} 次，"
                 "11–21 分钟 {wide} 次，不足 10 分钟 {short} 次。",
        "outside": "桶在外停放共 {minutes} 分钟，{known} 次到站平均 {mean} 分钟。",
        "incidents": "报警 {incidents} 次，共 {minutes} 分钟；未解除 {open} 次。",
        "incidents_all_open": "报警 {incidents} 次，均未解除。",
        "no_incidents": "没有报警。", "withdrawn": "另有 {count} 次报警已撤回，不计入。",
        "weighings": "中转站称重 {count} 次，共 {kilograms} 千克。",
        "disagreements": "{count} 次到站的计数、重量与班组说法不一致，见下表。",
        "gap": "无数据", "by_waste": "按垃圾种类", "last_days": "最近几天的清运桶数", "lanes": "经常堵塞的通道",
        "weigh_ins": "中转站称重与箱房合计", "findings": "传感器、重量、班组不一致", "waste": "种类", "served": "完成",
        "skipped": "跳过", "bins": "桶", "kilograms": "千克", "estate": "小区", "hour": "时段", "times": "次数",
        "days": "天数", "still_blocked": "未解除", "minutes": "分钟", "run": "班次", "truck": "清运车",
        "weighed": "称重（千克）",
        "rooms": "箱房合计（千克）", "difference": "差（千克）", "room": "箱房", "what": "情况", "none": "无",
        "unknown": "未知", "separator_of_words": "；",
        "lead": "到站提醒提前量", "between_13_19": "13.5–19.5 分钟", "other_leads": "其他",
        "under_10": "不足 10 分钟", "separator": "，", "count_of": "{name} {count} 次",
    },
    "en": {
        "title": "{area}: collection report of {day}",
        "no_data": "There are no records of {day}: a gap in the data, not a zero.",
        "visits": "{visits:visit|visits}: {served} served, {skipped} skipped, {cancelled} cancelled; {returned} of the "
                  "served were second visits.",
        "unsettled": "{count:visit is|visits are} not yet settled.",
        "collected": "{bins:bin was|bins were} collected, counted at {bins_known:visit|visits}.",
        "collected_weight": "{kilograms} kg were collected, weighed at {grams_known:visit|visits}.",
        "collected_unknown": "No visit was counted: how many bins were collected is not known.",
        "skips": "Skipped because of: {reasons}.",
        "plan": "Against the plan {on_time} of {known:visit was|visits were} within 5 minutes; on average {mean}.",
        "promise": "Against the call's promise {on_time} of {known:visit was|visits were} within 5 minutes; "
                   "on average {mean}.",
        "late_by": "{minutes} minutes late", "early_by": "{minutes} minutes early",
        "calls": "{calls:call|calls}, {scored} of them scored: {good} with 13.5 to 19.5 minutes, {wide} with 11 to 21, "
                 "{short} with less than 10.",
        "outside": "Bins stood outside for {minutes:minute|minutes} in all, {mean} on average of {known:visit|visits}.",
        "incidents": "{incidents:incident|incidents} of {minutes:minute|minutes} in all; {open} still open.",
        "incidents_all_open": "{incidents:incident|incidents}, none of them over yet.",
        "no_incidents": "No incidents.", "withdrawn": "{count:press was|presses were} withdrawn and not counted.",
        "weighings": "{count:weigh-in|weigh-ins} at the transfer station, {kilograms} kg in all.",
        "disagreements": "At {count:visit|visits} count, weight and crew do not say the same; they are listed below.",
        "gap": "no data", "by_waste": "By waste kind", "last_days": "Bins collected on the last days",
        "lanes": "Lanes that are blocked again and again", "weigh_ins": "Weigh-ins against the sum of the rooms",
        "findings": "Count, weight and crew disagree", "waste": "kind", "served": "served", "skipped": "skipped",
        "bins": "bins", "kilograms": "kg", "estate": "estate", "hour": "hour", "times": "times", "days": "days",
        "minutes": "minutes", "still_blocked": "not over", "run": "run", "truck": "truck",
        "weighed": "weighed (kg)", "rooms": "rooms (kg)", "separator_of_words": "; ",
        "difference": "difference (kg)", "room": "room", "what": "what", "none": "none", "unknown": "not known",
        "lead": "How early the calls were", "between_13_19": "13.5 to 19.5 minutes", "other_leads": "others",
        "under_10": "under 10 minutes", "separator": ", ", "count_of": "{name} {count}",
    },
}  # fmt: skip


class _Number(int):
    """A whole number that knows its noun: `{visits:visit|visits}` is "1 visit" or "2 visits"."""

    def __format__(self, nouns: str) -> str:
        one, several, many = nouns.partition("|")
        return f"{int(self)} {one if self == 1 else many}" if several else int.__format__(self, nouns)


def word(language: str, key: str, **values: object) -> str:
    """One text in a language, with its values put in; raises KeyError for what there is none."""
    put_in = {name: _Number(value) if type(value) is int else value for name, value in values.items()}
    return TEXT[language][key].format(**put_in)


def in_language(name: str, language: str) -> str:
    """The part of a plan's name "中文 / English" that is for this language; all of a name that has no parts."""
    parts = name.split(" / ")
    return parts[min(len(parts) - 1, LANGUAGES.index(language))]
