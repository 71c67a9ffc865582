"""The dashboard's pages about templates: what is published, as any lead would get it."""

import pytest
from starlette.testclient import TestClient

from engine.mail.catcher import keep_mail
from engine.operations.edit_leads import put_lead
from tests.web.conftest import House


@pytest.fixture(scope="module")
def client(house: House) -> TestClient:
    lead = {"email": "wei.zhang@example.cn", "first_name": "<b>伟</b>", "language": "zh-CN"}
    put_lead(house.store, lead, actor="api")
    return house.client


def test_every_template_that_is_sent_is_listed_with_its_steps(client: TestClient) -> None:
    said = client.get("/templates").text
    assert 'href="/templates/welcome"' in said
    assert "trial-nurture" in said
    assert "邮件模板" in client.get("/templates?lang=zh-CN").text
    client.cookies.clear()


def test_a_mail_is_shown_for_a_sample_and_for_a_lead(client: TestClient) -> None:
    """In the lead's language; what it says of itself is text."""
    sample = client.get("/templates/welcome").text
    assert "Welcome, Ann" in sample
    lead = client.get("/templates/welcome?lead=wei.zhang@example.cn").text
    assert "welcome.zh-CN.html" in lead
    assert "<b>伟" not in lead
    body = client.get("/templates/welcome/body?lead=wei.zhang@example.cn").text
    assert "&lt;b&gt;伟" in body
    headers = client.get("/templates/welcome?view=headers").text
    assert "List-Unsubscribe" in headers
    text = client.get("/templates/welcome?view=text&language=zh-CN").text
    assert "欢迎试用" in text


def test_the_page_stands_in_a_frame_that_runs_nothing(client: TestClient) -> None:
    """Its own policy forbids scripts, forms and plugins, whoever opens it."""
    answer = client.get("/templates/welcome/body")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox") and "default-src 'none'" in policy
    assert 'sandbox="allow-popups' in client.get("/templates/welcome").text


@pytest.mark.parametrize(("scheme", "color"), [("light", "only light"), ("dark", "only dark")])
def test_a_dark_inbox_can_be_tried(client: TestClient, scheme: str, color: str) -> None:
    """The page comes with the colors of that scheme, whatever the visitor's own is."""
    body = client.get(f"/templates/welcome/body?scheme={scheme}").text
    assert color in body
    assert "prefers-color-scheme" not in body
    assert ("#24221f" in body) is (scheme == "dark")


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/templates/nothing", 404, "there is no template"),
        ("/templates/nothing/body", 404, "there is no template"),
        ("/templates/welcome?lead=nobody@example.com", 200, "there is no lead"),
        ("/templates/welcome/body?lead=nobody@example.com", 404, "there is no lead"),
        ("/templates/welcome?step=win-back", 200, "does not send"),
        ("/templates/welcome?view=odd&scheme=odd&width=odd&language=xx", 200, "Welcome"),
        ("/templates/..%2f..%2fetc%2fpasswd", 404, "there is no template"),
        ("/templates/%00", 404, ""),
    ],
)
def test_what_is_not_there_is_said(client: TestClient, path: str, status: int, said: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert said in answer.text


def test_a_caught_mail_shows_the_pictures_that_it_carries(house: House) -> None:
    """The frame knows no content ids: the pictures are put into the page."""
    cid = "0123456789abcdef0123@longplay"
    raw = (
        "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"
        f'--b\r\nContent-Type: text/html\r\n\r\n<img src="cid:{cid}">\r\n'
        f"--b\r\nContent-Type: image/png\r\nContent-ID: <{cid}>\r\n"
        'Content-Disposition: inline; filename="a.png"\r\n\r\nPNG\r\n--b--\r\n'
    )
    caught = keep_mail(house.mail_folder, raw.encode(), "a@acme.example", ("b@example.com",))
    assert 'src="data:image/png;base64,' in house.client.get(f"/mail/{caught}/body").text
