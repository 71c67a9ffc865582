"""Amazon SES, whose reports come through SNS topics: signed with a certificate of Amazon's.

Everybody can have a topic and a good signature; so only topics that the settings name are heard.
"""

import re
from datetime import datetime, timedelta

from engine.mail.inbound.providers.hook import (
    Fields,
    HookError,
    Reports,
    as_fields,
    check_age,
    decoded,
    each,
    inside,
    need_cryptography,
)
from engine.mail.inbound.returned import Returned

WINDOW = timedelta(hours=1)
_HOST = r"https://sns\.[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?"
_CERTIFICATE = re.compile(rf"{_HOST}/SimpleNotificationService-[A-Za-z0-9]{{8,64}}\.pem\Z")
_SUBSCRIBE = re.compile(rf"{_HOST}/\?Action=ConfirmSubscription&[!-~]{{1,2000}}\Z")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip


def opened(body: bytes, topics: tuple[str, ...]) -> Fields:
    """The message of SNS, if it is from one of our topics; not believed yet.

    Raises:
        HookError: it is not.
    """
    message = as_fields(body)
    if message.get("TopicArn") not in topics:
        raise HookError("the topic is none of LONGPLAY_HOOK_SES_TOPICS")
    if message.get("Type") not in _SIGNED:
        raise HookError("the message is neither a notification nor a confirmation")
    return message


def certificate_url(message: Fields) -> str:
    """Where the certificate is; nowhere but at Amazon.

    Raises:
        HookError: it is elsewhere.
    """
    url = str(message.get("SigningCertURL") or "")
    if not _CERTIFICATE.match(url):
        raise HookError("the certificate is not at sns.REGION.amazonaws.com")
    return url


def check(message: Fields, certificate: bytes, now: datetime) -> None:
    """That Amazon signed the message, not long ago.

    Raises:
        HookError: it did not.
        EnvironmentFault: signatures cannot be checked here.
    """
    need_cryptography()
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256
    from cryptography.x509 import load_pem_x509_certificate

    names = _SIGNED[str(message.get("Type"))]
    text = "".join(f"{name}\n{message[name]}\n" for name in names if message.get(name) is not None)
    digest = SHA256() if message.get("SignatureVersion") == "2" else SHA1()
    try:
        found = load_pem_x509_certificate(certificate)
        key = found.public_key()
    except ValueError:
        raise HookError("the certificate cannot be read") from None
    if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
        raise HookError("the certificate is not valid now")
    if not isinstance(key, RSAPublicKey):
        raise HookError("the certificate is of another kind")
    signature = decoded(str(message.get("Signature") or ""))
    try:
        key.verify(signature, text.encode(), PKCS1v15(), digest)
    except InvalidSignature:
        raise HookError("the signature is not right") from None
    check_age(str(message.get("Timestamp") or ""), now, WINDOW)


def confirmation_url(message: Fields) -> str:
    """Where a subscription is confirmed; empty: the message is no question for that.

    Raises:
        HookError: it is not at Amazon.
    """
    if message.get("Type") != "SubscriptionConfirmation":
        return ""
    url = str(message.get("SubscribeURL") or "")
    if not _SUBSCRIBE.match(url):
        raise HookError("the subscription is not confirmed at sns.REGION.amazonaws.com")
    return url


def read(message: Fields, reports: Reports) -> list[Returned]:
    """What a message that was checked says came back."""
    try:
        event = as_fields(str(message.get("Message") or ""))
    except HookError:
        return []  # SES says once in words that the topic was set up
    mail = inside(event, "mail")
    path = mail.get("source")
    ids = [one.get("value") for one in each(mail, "headers")
           if str(one.get("name")).lower() == "message-id"]  # fmt: skip
    of_mail = ids[0] if ids else inside(mail, "commonHeaders").get("messageId")
    kind = str(event.get("notificationType") or event.get("eventType"))
    found: list[Returned] = []
    if kind == "Bounce":
        bounce = inside(event, "bounce")
        hard = {"Permanent": True, "Transient": False}.get(str(bounce.get("bounceType")))
        for one in each(bounce, "bouncedRecipients"):
            found.append(
                reports.bounce(
                    bounce.get("feedbackId"), recipient=one.get("emailAddress"), hard=hard,
                    said=one.get("diagnosticCode"), status=one.get("status"),
                    message_id=of_mail, path=path,
                )
            )  # fmt: skip
    elif kind == "Complaint":
        about = inside(event, "complaint")
        if about.get("complaintFeedbackType") == "not-spam":
            return []
        for one in each(about, "complainedRecipients"):
            found.append(
                reports.complaint(
                    about.get("feedbackId"), recipient=one.get("emailAddress"),
                    cause=about.get("complaintFeedbackType"), message_id=of_mail, path=path,
                )
            )  # fmt: skip
    elif kind == "DeliveryDelay":
        for one in each(inside(event, "deliveryDelay"), "delayedRecipients"):
            found.append(
                reports.delay(
                    message.get("MessageId"), recipient=one.get("emailAddress"),
                    said=one.get("diagnosticCode"), message_id=of_mail, path=path,
                )
            )  # fmt: skip
    return found
