"""The settings of what comes back: the mailbox of bounces, and providers that report by webhook."""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from engine.errors import EnvironmentFault
from engine.mail.inbound.mailbox import parse_imap_url
from engine.mail.inbound.providers.hook import HookSecrets
from engine.setting_pages import split_keys


class InboundSettings(BaseSettings):
    """What `engine.settings.Settings` has for mail that comes back."""

    bounce_imap_url: SecretStr | None = Field(
        default=None,
        description="The mailbox that bounces, complaints and replies arrive in; workers look into "
        "it every minute: `imaps://user:pass@host/FOLDER`. No mailbox is read when not set.",
        examples=["imaps://bounces%40acme.example:password@imap.example/INBOX"],
    )
    hook_ses_topics: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="The ARNs of the SNS topics that report for Amazon SES at `/hooks/ses`, with "
        "commas between them.",
        examples=["arn:aws:sns:eu-west-1:123456789012:mail"],
    )
    hook_sendgrid_key: str | None = Field(
        default=None,
        description="The public key of SendGrid's signed event webhook, which reports at "
        "`/hooks/sendgrid`.",
        examples=["MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE…"],
    )
    hook_postmark_login: SecretStr | None = Field(
        default=None,
        description="The user and password that Postmark logs in with at `/hooks/postmark`.",
        examples=["postmark:a-long-password"],
    )
    hook_mailgun_key: SecretStr | None = Field(
        default=None,
        description="Mailgun's webhook signing key; it reports at `/hooks/mailgun`.",
        examples=["f1e2d3c4b5a69788"],
    )
    hook_resend_secret: SecretStr | None = Field(
        default=None,
        description="The signing secret of Resend's webhook, which reports at `/hooks/resend`.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )

    @field_validator("hook_ses_topics", mode="before")
    @classmethod
    def _split_topics(cls, value: object) -> object:
        return split_keys(value)

    @field_validator("bounce_imap_url")
    @classmethod
    def _readable_imap_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                parse_imap_url(value.get_secret_value())
            except EnvironmentFault as fault:
                raise ValueError(fault.message) from None
        return value

    def hook_secrets(self) -> HookSecrets:
        """What the reports of providers are checked with."""
        return HookSecrets(
            ses_topics=self.hook_ses_topics,
            sendgrid_key=self.hook_sendgrid_key or "",
            postmark_login=_told(self.hook_postmark_login),
            mailgun_key=_told(self.hook_mailgun_key),
            resend_secret=_told(self.hook_resend_secret),
        )

    def inbound_secrets(self) -> tuple[SecretStr, ...]:
        """What no log line may show."""
        given = (
            self.bounce_imap_url, self.hook_postmark_login, self.hook_mailgun_key,
            self.hook_resend_secret,
        )  # fmt: skip
        return tuple(one for one in given if one is not None)


def _told(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
