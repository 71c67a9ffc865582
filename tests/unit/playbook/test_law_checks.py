"""What validate refuses because the law of the leads' country would."""

import pytest

from engine.playbook.compile import compile_playbook
from engine.playbook.diagnostics import Findings
from engine.playbook.lexicon import Lexicon
from engine.playbook.source import parse
from engine.playbook.templates import TemplateName
from engine.playbook.workspace import load_workspace
from tests.cases.casework import facts

TEMPLATES = {
    "plain": facts("plain"),
    "footed": facts("footed", names=(TemplateName("sender.postal_address", 3),)),
    "asking": facts(
        "asking", names=(TemplateName("sender.postal_address", 3), TemplateName("confirm_url", 2))
    ),
}
SENDER = "sender: {from: a@acme.example, postal_address: 1 Funnel Street}\n"
US = SENDER + "law: {US: {}}\n"
EU = SENDER + "law: {FR: {}}\n"
BY_LAW = SENDER + "consent: {}\n"


def found(workspace: str, enroll: str, steps: str) -> list[str]:
    """severity rule of each finding of a playbook in a workspace."""
    loaded = load_workspace(workspace)
    assert loaded.workspace is not None, loaded.diagnostics
    text = f"playbook: case\nenroll: {{when: [manual]{enroll}}}\nsteps:\n  - {{{steps}}}\n"
    findings = Findings()
    document = parse(text, "playbooks/case.yaml", findings)
    assert document is not None
    compiled = compile_playbook(document, Lexicon(loaded.workspace), TEMPLATES, {"case"})
    return [f"{one.severity} {one.rule}" for one in compiled.diagnostics]


@pytest.mark.parametrize(
    ("workspace", "enroll", "steps", "finds"),
    [
        pytest.param(US, "", "email: plain", ["error email-without-address"], id="US named"),
        pytest.param(US, "", "email: footed", [], id="US named, with the address"),
        pytest.param(US, "", "email: plain, as: transactional", [], id="no marketing"),
        pytest.param(EU, "", "email: plain", [], id="France wants no address"),
        pytest.param(
            EU, "", "email: plain, track: {opens: true}", ["error opens-without-consent"],
            id="France and openings",
        ),
        pytest.param(EU, "", "email: plain, track: {opens: consent}", [], id="by consent"),
        pytest.param(
            SENDER, ", if: \"lead.country in ['US', 'DE']\"",
            "email: plain, track: {opens: true}",
            ["warning email-without-address", "error opens-without-consent"],
            id="countries that a playbook lets in",
        ),
        pytest.param(
            SENDER, ', if: "lead.country != \'US\'"', "email: plain", [], id="kept out"
        ),
        pytest.param(BY_LAW, "", "email: asking", ["error asks-as-marketing"], id="for itself"),
        pytest.param(BY_LAW, "", "email: asking, as: transactional", [], id="asks"),
        pytest.param(SENDER, "", "email: asking", [], id="a footer that asks again"),
        pytest.param(SENDER, "", "email: plain", [], id="no country is named"),
    ],
)  # fmt: skip
def test_the_law_of_the_countries_written_to_holds(
    workspace: str, enroll: str, steps: str, finds: list[str]
) -> None:
    """For those under `law:`, and those that a playbook's own conditions name."""
    assert sorted(found(workspace, enroll, steps)) == sorted(finds)


@pytest.mark.parametrize("prefix", ["（广告）", "【广告】", "AD: ", "(AD) ", "广告"])
def test_a_lawful_prefix_may_be_written_otherwise(prefix: str) -> None:
    """The marks around the word are the workspace's own."""
    loaded = load_workspace(f'law: {{CN: {{subject_prefix: "{prefix}"}}}}\n')
    assert loaded.workspace is not None, loaded.diagnostics
    assert loaded.workspace.subject_prefixes["CN"] == prefix


def test_a_country_that_is_named_keeps_what_its_law_wants() -> None:
    """Naming another country takes nothing from China."""
    loaded = load_workspace(US)
    assert loaded.workspace is not None
    assert loaded.workspace.subject_prefixes["CN"] == "（广告）"
