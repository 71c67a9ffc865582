"""Reports of mail providers: signed with keys of the tests, and refused in every other case."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.x509.oid import NameOID
from starlette.testclient import TestClient

from engine.mail.inbound.providers.hook import HookSecrets
from engine.operations import suppressing
from engine.store import jobs
from engine.store.database import Store
from web import hooks
from web.app import create_app
from web.deps import Deps

if TYPE_CHECKING:
    from tests.web.conftest import Work

ANN = "ann@example.com"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
LOGIN = "postmark:a-long-password"
MAILGUN = "a-signing-key"
RESEND = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes ...").decode()
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)

Sent = tuple[bytes, dict[str, str]]
Change = Callable[[Sent], Sent]


def spki(key: ec.EllipticCurvePublicKey) -> str:
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(der).decode()


def certificate(valid_for: timedelta = timedelta(days=1)) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    begun = datetime.now(UTC) - timedelta(days=30)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(RSA_KEY.public_key())
        .serial_number(1)
        .not_valid_before(begun)
        .not_valid_after(datetime.now(UTC) + valid_for)
        .sign(RSA_KEY, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def seconds(age: timedelta) -> str:
    return str(int((datetime.now(UTC) - age).timestamp()))


def sendgrid(event: dict[str, Any], age: timedelta = timedelta()) -> Sent:
    body, at = json.dumps([event]).encode(), seconds(age)
    signature = EC_KEY.sign(at.encode() + body, ec.ECDSA(hashes.SHA256()))
    name = "x-twilio-email-event-webhook-"
    return body, {f"{name}timestamp": at, f"{name}signature": base64.b64encode(signature).decode()}


def postmark(record: dict[str, Any], age: timedelta = timedelta()) -> Sent:
    del age
    return json.dumps(record).encode(), {
        "authorization": "Basic " + base64.b64encode(LOGIN.encode()).decode()
    }


def mailgun(event: dict[str, Any], age: timedelta = timedelta()) -> Sent:
    at, token = seconds(age), "a-token"
    signature = hmac.new(MAILGUN.encode(), f"{at}{token}".encode(), hashlib.sha256).hexdigest()
    signed = {"timestamp": at, "token": token, "signature": signature}
    return json.dumps({"signature": signed, "event-data": event}).encode(), {}


def resend(event: dict[str, Any], age: timedelta = timedelta()) -> Sent:
    body, at = json.dumps(event).encode(), seconds(age)
    key = base64.b64decode(RESEND.removeprefix("whsec_"))
    mac = hmac.digest(key, b".".join((b"msg_1", at.encode(), body)), hashlib.sha256)
    signature = f"v1,bm9uZQ== v1,{base64.b64encode(mac).decode()}"
    return body, {"svix-id": "msg_1", "svix-timestamp": at, "svix-signature": signature}


def sns(event: object, age: timedelta = timedelta(), **more: str) -> Sent:
    message = {
        "Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC,
        "Message": event if isinstance(event, str) else json.dumps(event),
        "Timestamp": (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": "2", "SigningCertURL": CERTIFICATE,
    } | more  # fmt: skip
    names = ["Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn",
             "Type"]  # fmt: skip
    if message["Type"] == "Notification":
        names.remove("SubscribeURL")
        names.remove("Token")
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    digest = hashes.SHA1() if message["SignatureVersion"] == "1" else hashes.SHA256()
    signature = RSA_KEY.sign(text.encode(), PKCS1v15(), digest)
    return json.dumps(message | {"Signature": base64.b64encode(signature).decode()}).encode(), {
        "content-type": "text/plain; charset=UTF-8"
    }


def ses_bounce(kind: str = "Permanent") -> dict[str, Any]:
    recipient = {"emailAddress": ANN, "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 no"}
    return {
        "notificationType": "Bounce", "mail": {"messageId": "ses-1", "source": "bounces@acme"},
        "bounce": {"bounceType": kind, "feedbackId": "f-1", "bouncedRecipients": [recipient]},
    }  # fmt: skip


BOUNCES: dict[str, tuple[Callable[..., Sent], dict[str, Any]]] = {
    "ses": (sns, ses_bounce()),
    "sendgrid": (sendgrid, {"event": "bounce", "type": "bounce", "email": ANN, "status": "5.1.1",
                            "reason": "550 5.1.1 no such user", "sg_event_id": "e-1"}),
    "postmark": (postmark, {"RecordType": "Bounce", "Type": "HardBounce", "ID": 42, "Email": ANN,
                            "Details": "smtp;550 5.1.1 no such user"}),
    "mailgun": (mailgun, {"event": "failed", "severity": "permanent", "id": "g-1",
                          "recipient": ANN, "reason": "bounce",
                          "delivery-status": {"code": 550, "message": "5.1.1 no such user"}}),
    "resend": (resend, {"type": "email.bounced", "data": {
        "email_id": "r-1", "to": [ANN], "bounce": {"type": "Permanent", "message": "no such"}}}),
}  # fmt: skip
COMPLAINTS: dict[str, tuple[Callable[..., Sent], dict[str, Any]]] = {
    "ses": (sns, {"eventType": "Complaint", "mail": {}, "complaint": {
        "feedbackId": "f-2", "complaintFeedbackType": "abuse",
        "complainedRecipients": [{"emailAddress": ANN}]}}),
    "sendgrid": (sendgrid, {"event": "spamreport", "email": ANN, "sg_event_id": "e-2"}),
    "postmark": (postmark, {"RecordType": "SpamComplaint", "ID": 43, "Email": ANN}),
    "mailgun": (mailgun, {"event": "complained", "id": "g-2", "recipient": ANN}),
    "resend": (resend, {"type": "email.complained", "data": {"email_id": "r-2", "to": [ANN]}}),
}  # fmt: skip
OTHERS: dict[str, tuple[Callable[..., Sent], object]] = {
    "ses": (sns, "Successfully validated SNS topic for Amazon SES event publishing."),
    "sendgrid": (sendgrid, {"event": "delivered", "email": ANN}),
    "postmark": (postmark, {"RecordType": "Open", "Email": ANN}),
    "mailgun": (mailgun, {"event": "opened", "recipient": ANN}),
    "resend": (resend, {"type": "email.sent", "data": {"to": [ANN]}}),
}
PROVIDERS = sorted(BOUNCES)


class Amazon:
    """What is fetched, and what there is."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.certificate = certificate()

    async def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        return self.certificate if url.endswith(".pem") else b"<ok/>"


@pytest.fixture
def amazon() -> Iterator[Amazon]:
    hooks._certificates.clear()
    yield Amazon()
    hooks._certificates.clear()


@pytest.fixture
def mailed(workspace: Store, work: "Work", mail_folder: Path, amazon: Amazon) -> TestClient:
    """A client from anywhere, of a house that has mailed Ann and hears every provider."""
    from engine.mail.links import LinkSigner
    from engine.operations.intake import IncomingEvent, take_in
    from tests.web.conftest import SECRET
    from web.sessions import Sessions

    take_in(workspace, [IncomingEvent("form.submitted", {"email": ANN},
                                      properties={"form": "trial"})])  # fmt: skip
    work.until_rest()
    secrets = HookSecrets((TOPIC,), spki(EC_KEY.public_key()), LOGIN, MAILGUN, RESEND)
    deps = Deps(
        store=workspace, signer=LinkSigner([SECRET]), sessions=Sessions(SECRET),
        mail_folder=mail_folder, hooks=secrets, fetch=amazon.fetch, on_loopback=False,
    )  # fmt: skip
    return TestClient(create_app(deps), base_url="https://acme.example", client=("192.0.2.1", 5))


def post(client: TestClient, provider: str, sent: Sent) -> Any:
    body, headers = sent
    return client.post(f"/hooks/{provider}", content=body, headers=headers)


def state(store: Store) -> tuple[str, set[str]]:
    (job,) = store.read(jobs.page)
    return job["state"], {row["reason"] for row in suppressing.listing(store)}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_signed_bounce_counts_once(mailed: TestClient, workspace: Store, provider: str) -> None:
    """By the address alone, where the provider has a Message-ID of its own; repeated: nothing."""
    make, event = BOUNCES[provider]
    assert post(mailed, provider, make(event)).json() == {"accepted": 1}
    assert post(mailed, provider, make(event)).json() == {"accepted": 0}
    assert state(workspace) == ("bounced", {"bounced"})


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_signed_complaint_suppresses(mailed: TestClient, workspace: Store, provider: str) -> None:
    """Whatever the provider calls it."""
    make, event = COMPLAINTS[provider]
    assert post(mailed, provider, make(event)).json() == {"accepted": 1}
    assert state(workspace) == ("accepted", {"complained", "unsubscribed"})


@pytest.mark.parametrize("provider", PROVIDERS)
def test_other_reports_change_nothing(mailed: TestClient, workspace: Store, provider: str) -> None:
    """They are answered all the same, or the provider repeats them."""
    make, event = OTHERS[provider]
    assert post(mailed, provider, make(event)).json() == {"accepted": 0}
    assert state(workspace) == ("accepted", set())


def unsigned(sent: Sent) -> Sent:
    body = json.loads(sent[0])
    if isinstance(body, dict):
        body.pop("Signature", None)
        body.pop("signature", None)
    return json.dumps(body).encode(), {}


def changed(sent: Sent) -> Sent:
    headers = {name: value for name, value in sent[1].items() if name != "authorization"}
    body = sent[0].replace(b"ann@", b"bob@").replace(b"a-token", b"b-token")
    return body, headers | {"authorization": "Basic cG9zdG1hcms6eA=="}


@pytest.mark.parametrize("change", [unsigned, changed], ids=["unsigned", "changed"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_not_signed_is_refused(
    mailed: TestClient, workspace: Store, provider: str, change: Change
) -> None:
    """Without a signature, or with that of another body: 401, and nothing happened."""
    make, event = BOUNCES[provider]
    answer = post(mailed, provider, change(make(event)))
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert state(workspace) == ("accepted", set())


@pytest.mark.parametrize("provider", [one for one in PROVIDERS if one != "postmark"])
@pytest.mark.parametrize("age", [timedelta(days=2), -timedelta(days=2)], ids=["old", "to come"])
def test_signatures_grow_old(
    mailed: TestClient, workspace: Store, provider: str, age: timedelta
) -> None:
    """What was signed two days ago, or will be, is refused."""
    make, event = BOUNCES[provider]
    assert post(mailed, provider, make(event, age)).status_code == 401
    assert state(workspace) == ("accepted", set())


@pytest.mark.parametrize("provider", [*PROVIDERS, "nobody", "%00"])
def test_who_is_not_configured_is_not_there(
    workspace: Store, open_client: Callable[..., TestClient], provider: str
) -> None:
    """404, whatever is sent."""
    answer = open_client().post(f"/hooks/{provider}", content=b"{}")
    assert answer.status_code == 404
    assert state_of_nothing(workspace)


def state_of_nothing(store: Store) -> bool:
    return suppressing.listing(store) == []


BAD = [b"", b"{", b"null", b"[[]]", b"[" * 100_000, b"\xff", b'{"signature": []}', b"1e999"]


@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
@pytest.mark.parametrize("provider", PROVIDERS)
def test_odd_bodies_are_refused(mailed: TestClient, provider: str, body: bytes) -> None:
    """Never an error of ours."""
    headers = postmark({})[1] if provider == "postmark" else {}
    answer = post(mailed, provider, (body, headers))
    readable = provider == "postmark" and body.startswith(b'{"')
    assert answer.status_code == (200 if readable else 401)


@pytest.mark.parametrize("version", ["1", "2"])
def test_sns_signs_in_two_ways(mailed: TestClient, version: str) -> None:
    """SHA-1, which new topics still begin with, and SHA-256."""
    assert post(mailed, "ses", sns(ses_bounce(), SignatureVersion=version)).json() == {
        "accepted": 1
    }


def test_a_subscription_is_confirmed_at_amazon(mailed: TestClient, amazon: Amazon) -> None:
    """The question is signed, too; the certificate is fetched once."""
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    asked = sns("You have chosen …", Type="SubscriptionConfirmation", SubscribeURL=url, Token="t")
    assert post(mailed, "ses", asked).status_code == 200
    assert post(mailed, "ses", sns(ses_bounce())).status_code == 200
    assert amazon.fetched == [CERTIFICATE, url]


FOREIGN: dict[str, dict[str, str]] = {
    "another topic": {"TopicArn": "arn:aws:sns:eu-west-1:666666666666:mail"},
    "certificate elsewhere": {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.example/"
                              "SimpleNotificationService-0123456789abcdef.pem"},
    "certificate in a bucket": {"SigningCertURL": "https://sns.s3.amazonaws.com/x.pem"},
    "certificate by http": {"SigningCertURL": CERTIFICATE.replace("https", "http")},
    "user in the address": {"SigningCertURL": CERTIFICATE.replace("//", "//a@evil.example/")},
    "confirmed elsewhere": {"Type": "SubscriptionConfirmation", "Token": "t",
                            "SubscribeURL": "https://evil.example/?Action=ConfirmSubscription&x"},
    "another type": {"Type": "UnsubscribeConfirmation", "Token": "t", "SubscribeURL": "x"},
}  # fmt: skip


@pytest.mark.parametrize("more", FOREIGN.values(), ids=FOREIGN)
def test_nobody_else_speaks_for_ses(
    mailed: TestClient, amazon: Amazon, more: dict[str, str]
) -> None:
    """Refused, and nothing is fetched but a certificate of Amazon's."""
    assert post(mailed, "ses", sns(ses_bounce(), timedelta(), **more)).status_code == 401
    assert set(amazon.fetched) <= {CERTIFICATE}


def test_a_certificate_expires(mailed: TestClient, amazon: Amazon) -> None:
    """And what is no certificate is none."""
    for content in (certificate(-timedelta(hours=1)), b"nonsense"):
        amazon.certificate = content
        assert post(mailed, "ses", sns(ses_bounce())).status_code == 401
