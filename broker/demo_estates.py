"""The sixteen estates of the made-up subdistrict, the same in its plan and in its registers; nothing of it exists."""

DEMO_ESTATES = {
    "e01": "香樟居民区 / Camphor Estate",
    "e02": "梧桐居民区 / Plane Tree Estate",
    "e03": "银杏居民区 / Ginkgo Estate",
    "e04": "玉兰居民区 / Magnolia Estate",
    "e05": "丹桂居民区 / Osmanthus Estate",
    "e06": "海棠居民区 / Crabapple Estate",
    "e07": "紫藤居民区 / Wisteria Estate",
    "e08": "石榴居民区 / Pomegranate Estate",
    "e09": "合欢居民区 / Silk Tree Estate",
    "e10": "枇杷居民区 / Loquat Estate",
    "e11": "腊梅居民区 / Wintersweet Estate",
    "e12": "翠竹居民区 / Bamboo Estate",
    "e13": "杜鹃居民区 / Azalea Estate",
    "e14": "芙蓉居民区 / Hibiscus Estate",
    "e15": "水杉居民区 / Redwood Estate",
    "e16": "木槿居民区 / Althea Estate",
}
"""Their names in both languages by id; here an estate and its residential area 居民区 are one."""

NAMES_ZH = tuple(name.split(" / ")[0] for name in DEMO_ESTATES.values())
