"""Every word of the registers in English and Chinese: fields, codes, and the reasons for a refusal."""

from collections.abc import Mapping

Pair = tuple[str, str]

FIELDS: Mapping[str, Pair] = {
    "areas": ("residential areas", "居民区"),
    "bodies": ("bodies", "组织"),
    "before": ("before", "换届前"),
    "after": ("after", "换届后"),
    "members": ("members", "成员"),
    "steps": ("steps", "步骤"),
    "ballot": ("count", "计票"),
    "plan": ("plan", "一居一方案"),
    "risks": ("risks", "风险"),
    "sources": ("sources", "来源"),
    "id": ("id", "编号"),
    "name": ("name", "名称"),
    "area": ("area", "居民区"),
    "kind": ("kind", "类别"),
    "level": ("level", "级别"),
    "parent": ("parent body", "上级组织"),
    "starts_on": ("starts on", "开始日期"),
    "ends_on": ("ends on", "结束日期"),
    "post": ("post", "职务"),
    "birth_date": ("birth date", "出生日期"),
    "age_years": ("age in years", "周岁"),
    "age_band": ("age band", "年龄段"),
    "education": ("education", "学历"),
    "sex": ("sex", "性别"),
    "since": ("in this body since", "任职起始"),
    "consecutive_terms": ("consecutive terms", "连续届数"),
    "origin": ("origin", "兼职来源"),
    "occupation": ("occupation", "身份"),
    "note": ("note", "备注"),
    "planned_on": ("planned on", "计划日期"),
    "done_on": ("done on", "完成日期"),
    "eligible": ("eligible", "应到人数"),
    "present": ("present", "实到人数"),
    "valid_votes": ("valid votes", "有效票"),
    "summary": ("summary", "方案概要"),
    "risk": ("risk", "风险"),
    "measure": ("measure", "进度"),
    "countermeasure": ("countermeasure", "措施"),
    "title": ("title", "名称"),
    "page": ("page", "页码"),
    "as_of": ("as of", "截至"),
    "estates": ("estates", "小区"),
    "estate": ("estate", "小区"),
    "contractors": ("contractors", "施工单位"),
    "contractor": ("contractor", "施工单位"),
    "programmes": ("programmes", "项目"),
    "programme": ("programme", "项目"),
    "sites": ("sites", "点位"),
    "site": ("site", "点位"),
    "target_count": ("target", "目标数"),
    "due_on": ("due on", "应完成日期"),
    "place": ("place", "位置"),
    "lat": ("latitude", "纬度"),
    "lon": ("longitude", "经度"),
    "status": ("status", "状态"),
    "progress": ("progress", "形象进度"),
    "on": ("day", "日期"),
    "milestones": ("milestones", "节点"),
    "met_on": ("met on", "达成日期"),
    "acceptance": ("acceptance", "验收"),
    "accepted_on": ("accepted on", "验收日期"),
    "document": ("document", "文号"),
    "accepted_by": ("accepted by", "验收人"),
    "inspections": ("inspections", "检查"),
    "result": ("result", "结果"),
    "inspector": ("inspector", "检查人"),
    "defects": ("defects", "问题"),
    "description": ("description", "说明"),
    "found_on": ("found on", "发现日期"),
    "fixed_on": ("fixed on", "整改日期"),
    "bounds": ("bounds", "范围"),
    "south": ("south", "南"),
    "west": ("west", "西"),
    "north": ("north", "北"),
    "east": ("east", "东"),
    "body": ("body", "组织"),
    "phase": ("phase", "届别"),
    "step": ("step", "步骤"),
    "version": ("version", "版本"),
    "format": ("format", "格式"),
}

# Codes by field, because one code can mean two things (`result` is a step and a field).
CODES: Mapping[str, Mapping[str, Pair]] = {
    "kind": {
        "party_branch": ("party branch", "党组织"),
        "residents_committee": ("residents' committee", "居委会"),
        "womens_federation": ("women's federation", "妇联"),
        "rescue_post": ("rescue post", "应急救援阵地"),
        "ebike_charging": ("e-bike charging site", "电动自行车智能充电场所"),
        "lift_blocker": ("lift blocker", "电梯劝阻系统"),
        "fire_repair": ("fire-system repair", "高层消防设施维修"),
        "other": ("other", "其他"),
    },
    "level": {
        "first": ("first level", "一级"),
        "second": ("second level", "二级"),
        "low": ("low", "低"),
        "medium": ("medium", "中"),
        "high": ("high", "高"),
    },
    "phase": {"before": ("before", "换届前"), "after": ("after", "换届后")},
    "post": {
        "secretary": ("secretary", "书记"),
        "deputy_secretary": ("deputy secretary", "副书记"),
        "chair": ("chair", "主任（主席）"),
        "vice_chair": ("vice chair", "副主任（副主席）"),
        "full_time_member": ("full-time member", "专职委员"),
        "part_time_member": ("part-time member", "兼职委员"),
    },
    "age_band": {
        "under_30": ("under 30", "30岁以下"),
        "30_39": ("30-39", "30至39岁"),
        "40_49": ("40-49", "40至49岁"),
        "50_59": ("50-59", "50至59岁"),
        "60_69": ("60-69", "60至69岁"),
        "70_up": ("70 and over", "70岁及以上"),
    },
    "education": {
        "below_senior_secondary": ("below senior secondary", "初中及以下"),
        "senior_secondary": ("senior secondary", "高中（中专）"),
        "college": ("college", "大专"),
        "bachelor": ("bachelor", "本科"),
        "master": ("master", "硕士"),
        "doctor": ("doctor", "博士"),
    },
    "sex": {"female": ("female", "女"), "male": ("male", "男")},
    "origin": {
        "self_governance": ("self-governance", "自治力量"),
        "co_governance": ("co-governance", "共治力量"),
        "support": ("support force", "支持力量"),
    },
    "occupation": {
        "social_worker": ("social worker", "社区工作者"),
        "official": ("official", "机关干部"),
        "police_officer": ("police officer", "社区民警"),
        "owners_committee": ("owners' committee", "业委会"),
        "property_manager": ("property manager", "物业"),
        "resident_organisation": ("resident organisation", "驻区单位"),
        "firm": ("firm", "企业"),
        "retired": ("retired", "退休"),
        "other": ("other", "其他"),
    },
    "step": {
        "preparation": ("preparation", "筹备"),
        "plan": ("one estate, one plan", "一居一方案"),
        "nomination": ("nomination", "提名"),
        "registration": ("voter registration", "选民登记"),
        "meeting": ("meeting", "会议"),
        "vote": ("vote", "投票"),
        "result": ("result", "结果"),
        "handover": ("handover", "交接"),
        "training": ("training", "培训"),
    },
    "status": {
        "identification": ("identification", "立项"),
        "preparation": ("preparation", "准备"),
        "implementation": ("implementation", "施工"),
        "completion": ("completion", "竣工"),
        "maintenance": ("maintenance", "运维"),
        "cancelled": ("cancelled", "取消"),
        "scheduled": ("scheduled", "已排期"),
        "met": ("met", "已达成"),
        "notMet": ("not met", "未达成"),
        "partiallyMet": ("partially met", "部分达成"),
    },
    "result": {
        "passed": ("passed", "合格"),
        "passed_with_defects": ("passed with defects", "合格但有问题"),
        "failed": ("failed", "不合格"),
    },
    "action": {
        "create": ("created", "建立"),
        "set": ("edited", "修改"),
        "import": ("imported", "导入"),
        "restore": ("restored", "恢复"),
        "accept_edit": ("outside edit accepted", "接受外部修改"),
        "retention": ("personal facts removed", "清除个人信息"),
    },
}

PROBLEM_TEXTS: Mapping[str, Pair] = {
    "json": ("not a readable JSON file: {message}", "不是可读的 JSON 文件：{message}"),
    "encoding": (
        "not UTF-8 text (byte {offset}); save the file as UTF-8",
        "不是 UTF-8 编码（第 {offset} 字节），请另存为 UTF-8",
    ),
    "sheet_encoding": (
        "neither UTF-8, UTF-16 with a mark, nor GB18030 (byte {offset}); save it as UTF-8 or XLSX",
        "编码既不是 UTF-8、UTF-16 也不是 GB18030（第 {offset} 字节），请另存为 UTF-8 或 XLSX",
    ),
    "too_big": ("{size} bytes; at most {limit} are taken", "文件 {size} 字节，最多接受 {limit} 字节"),
    "too_many_rows": ("more than {limit} rows", "超过 {limit} 行"),
    "not_xlsx": ("not a readable XLSX workbook: {message}", "不是可读的 XLSX 工作簿：{message}"),
    "fixed_field": ("this field is kept by the program", "此字段由程序维护，不能修改"),
    "no_such_path": ("there is no {part!r} here", "这里没有 {part!r}"),
    "not_a_list": ("records can be added to lists only", "只能向列表中新增记录"),
    "required": ("this field must be given", "此项必填"),
    "unknown_field": ("unknown field", "没有这个字段"),
    "wrong_type": ("wrong kind of value: {message}", "值的类型不对：{message}"),
    "not_one_of": ("must be one of {expected}", "只能是以下之一：{expected}"),
    "impossible_date": ("not a possible date; write YYYY-MM-DD", "不是可能的日期，请写成 YYYY-MM-DD"),
    "out_of_range": ("out of range: {message}", "超出范围：{message}"),
    "bad_text": ("text not allowed here: {message}", "文字不合要求：{message}"),
    "rule": ("{message}", "{message}"),
    "duplicate_id": ("the id {id!r} is used twice", "编号 {id!r} 重复"),
    "identity_number": ("an id must not be an identity-card number", "编号不得使用身份证号"),
    "dangling": ("there is no {what} {id!r}", "没有编号为 {id!r} 的{what}"),
    "parent_of_first": ("a first-level body has no parent", "一级组织没有上级组织"),
    "parent_missing": ("a second-level body names its first-level parent", "二级组织必须写明上级组织"),
    "parent_mismatch": (
        "the parent must be a first-level body of the same area and kind",
        "上级组织必须是同一居民区、同一类别的一级组织",
    ),
    "post_of_other_kind": ("the post {post!r} does not exist in a {kind}", "{kind} 没有职务 {post!r}"),
    "two_heads": ("more than one head ({ids})", "负责人不止一名（{ids}）"),
    "order": (
        "{later} ({later_on}) is before {earlier} ({earlier_on})",
        "{later}（{later_on}）早于 {earlier}（{earlier_on}）",
    ),
    "too_young": ("younger than 18 at the start of the term", "任期开始时不满 18 周岁"),
    "age_stated_twice": (
        "state the age once: birth date, years, or band",
        "年龄只能用一种方式填写：出生日期、周岁或年龄段",
    ),
    "origin_without_part_time": ("an origin is stated for part-time members only", "只有兼职委员填写来源"),
    "more_than": ("{more} ({more_n}) is larger than {than} ({than_n})", "{more}（{more_n}）大于 {than}（{than_n}）"),
    "met_without_date": ("status {status!r} needs the day it was met", "状态 {status!r} 必须填写达成日期"),
    "date_without_met": (
        "a day it was met needs status met or partiallyMet",
        "填写了达成日期，状态必须为已达成或部分达成",
    ),
    "accepted_unfinished": (
        "an accepted site has the status completion or maintenance",
        "已验收的点位状态必须为竣工或运维",
    ),
    "finished_unaccepted": ("status {status!r} needs an acceptance", "状态 {status!r} 必须有验收记录"),
    "out_of_bounds": (
        "{lat}, {lon} lies outside the subdistrict (are latitude and longitude swapped?)",
        "{lat}, {lon} 不在街道范围内（经纬度是否填反？）",
    ),
    "bounds_reversed": ("south must be below north, west below east", "南应小于北，西应小于东"),
    "lat_without_lon": ("latitude and longitude come together", "经纬度必须同时填写"),
    "too_fine": ("at most three decimals", "最多三位小数"),
    "backwards": ("progress falls from {earlier} to {later}", "进度从 {earlier} 降到 {later}"),
    "no_header": (
        "the first row must hold the column names; none was recognised",
        "第一行必须是列名，没有识别出任何列",
    ),
    "unknown_column": ("unknown column {name!r}", "未知列 {name!r}"),
    "double_column": ("the column {name!r} stands twice", "列 {name!r} 重复"),
    "missing_column": ("the column {name!r} is missing", "缺少列 {name!r}"),
    "unknown_sheet": ("unknown sheet; known are {known}", "未知工作表，可用的有 {known}"),
    "which_table": ("the columns fit several tables ({known}); say which", "列名符合多个表（{known}），请指明是哪一个"),
    "formula": ("formulas are not taken; type the value", "不接受公式，请填写数值"),
    "cell_blank": ("{name} must be filled in", "“{name_zh}”必填"),
    "cell_day": (
        "{name}: {cell!r} is not a day; write 2021-04-10",
        "“{name_zh}”：{cell!r} 不是日期，请写成 2021-04-10",
    ),
    "cell_calendar": ("{name}: {cell!r} is not in the calendar", "“{name_zh}”：{cell!r} 这一天不存在"),
    "cell_code": ("{name}: {cell!r} is not one of: {expected}", "“{name_zh}”：{cell!r} 不在以下之列：{expected}"),
    "cell_whole": ("{name}: {cell!r} is not a whole number", "“{name_zh}”：{cell!r} 不是整数"),
    "cell_number": ("{name}: {cell!r} is not a number", "“{name_zh}”：{cell!r} 不是数字"),
    "double_row": ("the same record stands in row {row} already", "与第 {row} 行是同一条记录"),
    "who_why": ("say who changes this and why (up to 200 characters each)", "请写明修改人和理由（各不超过 200 字）"),
    "oc4ids": ("not an OC4IDS project package: {message}", "不是 OC4IDS 项目包：{message}"),
}


# What a Chinese page says of each kind of refusal, before the detail.
REFUSALS_ZH: Mapping[str, str] = {
    "Conflict": "其他人已先保存，您的改动没有保存。请看两边的改动，再在新版本上修改。",
    "EditedOutside": "文件被其他程序改动，在接受或放弃该改动之前不能保存。",
    "Damaged": "存储的文件与写入时不一致，没有任何改动。请从备份恢复。",
    "NoRegister": "尚未建立台账，请先用命令 init、demo 或 import 建立。",
    "NotFound": "没有找到所要的内容。",
    "Busy": "另一个程序正在写入，请稍后再试。",
    "Denied": "您没有这项权限，请登录，或请登记员办理。",
}


def field_word(field: str, lang: str) -> str:
    """The word for a field; an id or unknown field is itself."""
    pair = FIELDS.get(field) or CODES["step"].get(field)
    return pair[1 if lang == "zh" else 0] if pair else field


def value_word(field: str, code: str, lang: str) -> str:
    """The word for a code in a field; a value that is no code is itself."""
    pair = CODES.get(field, {}).get(code)
    return pair[1 if lang == "zh" else 0] if pair else code


def code_of(field: str, word: str) -> str | None:
    """The code that a word in either language (or the code itself) stands for, or None."""
    for code, pair in CODES.get(field, {}).items():
        if word == code or word.casefold() in (pair[0].casefold(), pair[1].casefold()):
            return code
    return None
