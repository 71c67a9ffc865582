"""The pages agree with each other and with the code."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer

from cli import app
from docs.generate import pages
from engine.operations.editions import check, read_folder, template_facts
from engine.playbook.actions import ACTIONS
from engine.playbook.rules import RULES
from engine.playbook.steps import CONTROL_STEPS
from engine.playbook.validate import validate_workspace
from engine.settings import setting_pages
from tests.docs.documents import PAGES, ROOT, WRITTEN, Block, blocks, command_lines

STARTER = read_folder(ROOT)
PLAYBOOKS = [
    block
    for page in WRITTEN
    for block in blocks(page)
    if block.kind == "yaml" and re.search(r"(?m)^playbook:", block.text)
]
COMMANDS = [(page, words) for page in WRITTEN for words in command_lines(page)]
COMMAND_IDS = [f"{page.relative_to(ROOT)}: {' '.join(words)}" for page, words in COMMANDS]
_LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"(?m)^#+ .+$")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("path", pages(), ids=name)
def test_generated_pages_are_fresh(path: Path) -> None:
    """`make docs` would change nothing."""
    assert path.read_text(encoding="utf-8") == pages()[path].rstrip() + "\n", "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file names one that is there, and a heading that it has."""
    broken = []
    text = re.sub(r"(?s)```.*?```|<!--.*?-->", "", page.read_text(encoding="utf-8"))
    for link in _LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = unquote(link).partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def anchors(page: Path) -> set[str]:
    """The names that a page's headings can be linked by."""
    titles = (line.lstrip("# ") for line in _HEADING.findall(page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_pages_have_what_is_checked() -> None:
    """The checks below look at something."""
    assert len(PLAYBOOKS) >= 5
    assert len(COMMANDS) >= 50


@pytest.mark.parametrize("block", PLAYBOOKS, ids=str)
def test_playbooks_on_pages_are_right(block: Block) -> None:
    """Each validates in the starter workspace, or is wrong in just the ways its page announces."""
    stem = re.findall(r"(?m)^playbook: (\S+)$", block.text)[0]
    files = {**STARTER.files, f"playbooks/{stem}.yaml": block.text.encode()}
    found = validate_workspace(files, template_facts(STARTER.templates)).diagnostics
    announced = re.fullmatch(r"wrong on purpose: (.+)", block.note)
    wanted = announced[1].split() if announced else []
    assert [one.rule for one in found] == wanted


@pytest.mark.parametrize(
    ("page", "words"),
    COMMANDS,
    ids=[f"{name(page)}: {' '.join(words)}" for page, words in COMMANDS],
)
def test_commands_on_pages_exist(page: Path, words: list[str]) -> None:
    """Each names a command that there is, with options that it knows and no argument too many."""
    command: Any = typer.main.get_command(app)
    path, rest = "longplay", words[1:]
    if rest[:1] == ["-C"]:
        rest = rest[2:]
    while rest and rest[0] in getattr(command, "commands", {}):
        path += f" {rest[0]}"
        command, rest = command.commands[rest[0]], rest[1:]
    assert path != "longplay" or rest[0].startswith("-"), f"no command '{words[1]}'"
    taken, wants = 0, options_of(command)
    while rest:
        word, rest = rest[0], rest[1:]
        if word == "--help":
            return
        if word.startswith("-"):
            assert word in wants, f"{path} has no option '{word}'"
            rest = rest if wants[word].is_flag else rest[1:]
        else:
            taken += 1
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    assert taken <= len(arguments) or any(one.nargs == -1 for one in arguments)


def options_of(command: Any) -> dict[str, Any]:
    return {
        spelled: one
        for one in command.params
        if one.param_type_name == "option"
        for spelled in (*one.opts, *one.secondary_opts)
    }


def test_targets_and_scripts_on_pages_exist() -> None:
    """Every `make TARGET` is in the Makefile, and every `python -m MODULE` is there."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)^([a-z]+):", makefile))
    said = {found.split()[0] for found in re.findall(r"(?m)(?:^|`)make ([a-z ]+)", text)}
    assert said <= targets
    modules = {found.replace(".", "/") for found in re.findall(r"python -m ([a-z_.]+)", text)}
    assert not [one for one in modules - {"pip"} if not (ROOT / f"{one}.py").exists()]


def test_every_step_setting_and_rule_is_documented() -> None:
    """The reference has a place for each."""
    reference = ROOT / "docs" / "reference"
    steps = anchors(reference / "steps.md")
    assert {*ACTIONS, *CONTROL_STEPS} <= steps
    assert set(RULES) <= anchors(reference / "diagnostics.md")
    settings = (reference / "settings.md").read_text(encoding="utf-8")
    assert all(f"`{page.variable}`" in settings for page in setting_pages())


def test_the_two_readmes_say_the_same() -> None:
    """The same blocks apart from comments, the same commands, links, figures and headings."""
    english, chinese = ROOT / "README.md", ROOT / "README.zh-CN.md"
    texts = [page.read_text(encoding="utf-8") for page in (english, chinese)]
    assert len(_HEADING.findall(texts[0])) == len(_HEADING.findall(texts[1]))
    assert list(command_lines(english)) == list(command_lines(chinese))
    uncommented = [
        [re.sub(r" *#.*", "", block.text) for block in blocks(page)] for page in (english, chinese)
    ]
    assert uncommented[0] == uncommented[1]
    found = [{one.replace(".zh-CN.md", ".md") for one in _LINK.findall(text)} for text in texts]
    links = [each - {"README.md"} for each in found]
    assert links[0] == links[1]
    figures = [re.findall(r"\d+(?:[.,]\d+)*", figures_of(text)) for text in texts]
    assert figures[0] == figures[1]


def figures_of(text: str) -> str:
    """What stands below the fourth heading: the measurements."""
    return re.split(r"(?m)^## ", text)[4]


def test_the_starter_workspace_is_right() -> None:
    """What the pages build upon has no findings itself."""
    assert not check(STARTER).diagnostics
