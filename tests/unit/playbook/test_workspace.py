"""`longplay.yaml`: what every section becomes, and the defaults of those left out."""

from datetime import date

import holidays
import pytest

from engine.playbook.countries import COUNTRIES
from engine.playbook.workspace import Workspace, load_workspace
from engine.playbook.workspace_values import Period, Rate

WHOLE = """\
workspace: acme
timezone: Asia/Shanghai
language: zh-CN
currency: CNY
sender:
  from: "Acme <hello@acme.example>"
  reply_to: sales@acme.example
  postal_address: "1 Funnel Street, Hangzhou"
  rate: 100 per minute
  warm_up: {from: 2026-12-01, start: 200, grow: 1.5}
law:
  CN: {subject_prefix: "（广告）"}
fields:
  lead: {employees: integer, plan: {enum: [free, pro]}, trial_ends_at: datetime, segment: text}
  deal: {competitor: text, contract_ends_at: date}
lifecycle: [visitor, lead, mql, sql, opportunity, customer, advocate]
pipelines:
  b2b:
    stages:
      - qualify:  {probability: 10}
      - demo:     {probability: 30, enter_if: "deal.amount is defined"}
      - proposal: {probability: 60, leave_if: "deal.quote_sent_at is defined"}
      - won:      {closes: won}
      - lost:     {closes: lost, requires: [lost_reason]}
topics: [product-tips, newsletter]
caps:
  marketing: [1 per day, 3 per 7 days]
calendars:
  cn: {country: CN, hours: {mon-fri: "09:00-18:00"}, timezone: Asia/Shanghai}
  us: {country: US, hours: {mon-fri: "09:00-17:00"}, closed: [2026-12-24]}
team:
  owners:
    li.wei:  {name: 李伟, email: li.wei@acme.example, manager: chen.jie, teams: [cn], capacity: 40}
    sam.lee: {teams: [us], away: ["2026-12-24..2027-01-02"], wecom: sam}
    chen.jie: {name: 陈杰, email: chen@acme.example}
assignment:
  new-leads:
    - {if: "lead.country == 'CN'", among: "team:cn", by: round-robin, skip: [away, full]}
    - {among: [sam.lee, "team:cn"], by: least-loaded, fallback: chen.jie}
pools:
  cn-pool: {members: "team:cn", claims: 5 per day, holds: 200}
channels:
  sales-room: {type: wecom, url: "${WECOM_SALES_URL}"}
segments:
  hot: "lead.score >= 60"
sources:
  baidu: {cost: 5000 per month}
events:
  quote.created: {amount: number}
"""


def loaded(text: str = WHOLE) -> Workspace:
    result = load_workspace(text)
    assert result.workspace is not None, result.diagnostics
    assert [found for found in result.diagnostics if found.is_error] == []
    return result.workspace


def test_rates_and_caps() -> None:
    """`so many per so long` becomes a count and a length."""
    workspace = loaded()
    assert workspace.sender.rate == Rate(count=100, per="1 minute")
    assert workspace.caps["marketing"] == (Rate(count=1, per="1 day"), Rate(count=3, per="7 days"))
    assert workspace.sources["baidu"].cost == Rate(count=5000, per="1 month")


def test_dates_and_periods() -> None:
    """Dates are dates, and a range has a first and a last day."""
    workspace = loaded()
    assert workspace.sender.warm_up is not None
    assert workspace.sender.warm_up.from_ == date(2026, 12, 1)
    assert workspace.owners["sam.lee"].away == (
        Period(first=date(2026, 12, 24), last=date(2027, 1, 2)),
    )
    day = date(2026, 12, 24)
    assert workspace.calendars["us"].closed == (Period(first=day, last=day),)


def test_pipelines_keep_their_order() -> None:
    """The stages of a pipeline are in the order they are written, with their options."""
    stages = loaded().pipelines["b2b"].stages
    assert [stage.name for stage in stages] == ["qualify", "demo", "proposal", "won", "lost"]
    assert (stages[1].probability, stages[1].enter_if) == (30, "deal.amount is defined")
    assert (stages[4].closes, stages[4].requires) == ("lost", ("lost_reason",))
    assert loaded().pipeline_of("won") == ("b2b",)


def test_members_of_teams() -> None:
    """`team:NAME` stands for its people, in the order of the file."""
    workspace = loaded()
    assert workspace.teams == {"cn", "us"}
    assert workspace.members(("sam.lee", "team:cn")) == ("li.wei", "sam.lee")
    assert workspace.assignment["new-leads"][0].skip == ("away", "full")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "workspace: x\n"])
def test_every_section_has_a_default(text: str) -> None:
    """A file that says nothing is a working workspace."""
    workspace = loaded(text)
    assert workspace.lifecycle[:2] == ("visitor", "lead")
    assert workspace.subject_prefixes["CN"] == "（广告）"
    assert "US" not in workspace.subject_prefixes
    assert workspace.timezone == "UTC"


def test_secrets_stay_names() -> None:
    """A `${NAME}` is kept as it is written."""
    assert loaded().channels["sales-room"].url == "${WECOM_SALES_URL}"


def test_a_broken_file_gives_no_workspace() -> None:
    """With an error there is no workspace, and every finding is told."""
    result = load_workspace(WHOLE + "lifecyle: [a]\nnote: x\n")
    assert result.workspace is None
    errors = [found for found in result.diagnostics if found.is_error]
    assert [(each.rule, each.line) for each in errors] == [
        ("unknown-key", WHOLE.count("\n") + 1),
        ("unknown-key", WHOLE.count("\n") + 2),
    ]


def test_every_country_with_known_holidays_may_be_named() -> None:
    """The countries that are written down are those whose holidays are known."""
    assert set(holidays.list_supported_countries(include_aliases=False)) == COUNTRIES
