"""The demo: two hundred sample leads who fill in the trial form, so that mail goes out at once.

They come in as events, like real ones, with ids of their own: planting them twice changes nothing.
Every address is on a domain that is reserved for examples; nobody can ever be mailed by accident.
"""

from engine.operations import published
from engine.operations.demo_deals import plant_deals
from engine.operations.intake import IncomingEvent, take_in
from engine.operations.published import Current
from engine.playbook.values import Value
from engine.store.database import Store

LEADS = 200
_BATCH = 50

_FAMILY = (
    ("李", "li"), ("王", "wang"), ("张", "zhang"), ("刘", "liu"), ("陈", "chen"), ("杨", "yang"),
    ("赵", "zhao"), ("黄", "huang"), ("周", "zhou"), ("吴", "wu"), ("徐", "xu"), ("孙", "sun"),
    ("欧阳", "ouyang"),
)  # fmt: skip
_GIVEN = (
    ("伟", "wei"), ("芳", "fang"), ("娜", "na"), ("敏", "min"), ("静", "jing"), ("强", "qiang"),
    ("磊", "lei"), ("洋", "yang"), ("艳", "yan"), ("杰", "jie"), ("晓明", "xiaoming"),
)  # fmt: skip
_FIRST = (
    "Ann",
    "Ben",
    "Clara",
    "David",
    "Elena",
    "Felix",
    "Grace",
    "Hugo",
    "Iris",
    "Jonas",
    "Kate",
)
_LAST = ("Adams", "Brown", "Cole", "Davis", "Evans", "Fischer", "Garcia", "Hill", "Ito", "Jones",
         "Klein", "Lopez", "O'Neil")  # fmt: skip
_TITLES_CN = ("总经理", "技术总监", "市场经理", "采购", "运营", "产品经理")
_TITLES = ("CTO", "VP Marketing", "Buyer", "Operations", "Founder", "Product Manager")
_COMPANIES_CN = ("西湖云", "长江物流", "北辰科技", "南山医药", "东风零售", "青松教育", "星河软件")
_COMPANIES = ("Acorn", "Bluebird", "Cedar", "Driftwood", "Ember", "Fjord", "Glacier")
_CITIES_CN = ("上海", "北京", "杭州", "深圳", "成都")
_CITIES = (("US", "Boston", "America/New_York"), ("DE", "Berlin", "Europe/Berlin"),
           ("GB", "Leeds", "Europe/London"), ("US", "Austin", "America/Chicago"))  # fmt: skip
_DOMAINS = ("example.com", "example.org", "example.net")
_SOURCES = ("baidu", "webinar", "referral", "search")
_PATHS = ("/pricing", "/features", "/blog/launch")


def plant(store: Store) -> int:
    """Takes the sample leads' events in, and opens their deals; answers how many events were new.

    Again changes nothing.

    Raises:
        InputError: nothing is published yet.
    """
    current = store.read(published.current)
    incoming = [event for number in range(LEADS) for event in _events(number, current)]
    accepted = 0
    for start in range(0, len(incoming), _BATCH):
        answer = take_in(store, incoming[start : start + _BATCH])
        accepted += answer.accepted
    plant_deals(store, [str(_lead(number, current)["email"]) for number in range(LEADS)])
    return accepted


def _events(number: int, current: Current) -> list[IncomingEvent]:
    lead = _lead(number, current)
    name = f"demo-{number:03d}"
    events = [
        IncomingEvent("form.submitted", lead, id=f"{name}-form", properties={"form": "trial"})
    ]
    if number % 4 == 0:
        path = _PATHS[number // 4 % len(_PATHS)]
        page: dict[str, Value] = {
            "url": f"https://www.example.com{path}",
            "path": path,
            "seconds": 20 + number % 90,
        }
        events.append(
            IncomingEvent(
                "page.viewed", {"email": lead["email"]}, id=f"{name}-page", properties=page
            )
        )
    return events


def _lead(number: int, current: Current) -> dict[str, object]:
    lead = _chinese(number // 2) if number % 2 == 0 else _western(number // 2)
    lead["source"] = _SOURCES[number % len(_SOURCES)]
    own: dict[str, object] = {"employees": 5 + number * 37 % 900, "plan": "free"}
    # The starter's own fields; a workspace that knows none of them does without.
    lead |= {name: value for name, value in own.items() if name in current.custom}
    return lead


def _chinese(number: int) -> dict[str, object]:
    family, spelled = _FAMILY[number % len(_FAMILY)]
    given, sounded = _GIVEN[number % len(_GIVEN)]
    return {
        "email": f"{spelled}.{sounded}{number}@{_DOMAINS[number % 3]}",
        "first_name": given, "last_name": family, "title": _TITLES_CN[number % len(_TITLES_CN)],
        "company": _COMPANIES_CN[number % len(_COMPANIES_CN)],
        "city": _CITIES_CN[number % len(_CITIES_CN)], "country": "CN", "language": "zh-CN",
        "timezone": "Asia/Shanghai",
    }  # fmt: skip


def _western(number: int) -> dict[str, object]:
    first, last = _FIRST[number % len(_FIRST)], _LAST[number % len(_LAST)]
    country, city, zone = _CITIES[number % len(_CITIES)]
    spelled = f"{first}.{last}".lower().replace("'", "")
    return {
        "email": f"{spelled}{number}@{_DOMAINS[number % 3]}",
        "first_name": first, "last_name": last, "title": _TITLES[number % len(_TITLES)],
        "company": _COMPANIES[number % len(_COMPANIES)], "city": city, "country": country,
        "language": "en", "timezone": zone,
    }  # fmt: skip
