"""The first schema."""

import sqlalchemy as sa
from alembic import op

from engine.store.columns import Instant, JsonDocument

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("scopes", JsonDocument, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.Column("used_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
    )
    op.create_table(
        "assignment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("lead", sa.String(), nullable=False),
        sa.Column("deal", sa.String(), nullable=True),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("former", sa.String(), nullable=True),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
    )
    with op.batch_alter_table("assignment", schema=None) as batch_op:
        batch_op.create_index(
            "ix_assignment_deal_at",
            ["deal", "at"],
            unique=False,
            sqlite_where=sa.text("deal IS NOT NULL"),
            postgresql_where=sa.text("deal IS NOT NULL"),
        )
        batch_op.create_index("ix_assignment_lead_at", ["lead", "at"], unique=False)
        batch_op.create_index("ix_assignment_owner_at", ["owner", "at"], unique=False)

    op.create_table(
        "awaited_event",
        sa.Column("enrollment", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("properties", JsonDocument, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("at_seq", sa.Integer(), nullable=False),
        sa.Column("consumed_seq", sa.Integer(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("enrollment", "event", name=op.f("pk_awaited_event")),
    )
    op.create_table(
        "batch",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("cohort", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("touched_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.create_index(
            "ix_batch_open",
            ["cohort"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "brake",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_brake")),
    )
    op.create_table(
        "bulk_enrollment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("record", sa.String(), nullable=False),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("properties", JsonDocument, nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("looked", sa.Integer(), nullable=False),
        sa.Column("enrolled", sa.Integer(), nullable=False),
        sa.Column("skipped", JsonDocument, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("touched_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_enrollment")),
    )
    with op.batch_alter_table("bulk_enrollment", schema=None) as batch_op:
        batch_op.create_index(
            "ix_bulk_enrollment_running",
            ["touched_at"],
            unique=False,
            sqlite_where=sa.text("state = 'running'"),
            postgresql_where=sa.text("state = 'running'"),
        )

    op.create_table(
        "change",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("lead", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("before", JsonDocument, nullable=True),
        sa.Column("after", JsonDocument, nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change")),
    )
    with op.batch_alter_table("change", schema=None) as batch_op:
        batch_op.create_index("ix_change_lead_at", ["lead", "at"], unique=False)
        batch_op.create_index(
            "ix_change_moves",
            ["lead", "at"],
            unique=False,
            sqlite_where=sa.text("field = 'stage'"),
            postgresql_where=sa.text("field = 'stage'"),
        )

    op.create_table(
        "cohort",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cohort")),
    )
    with op.batch_alter_table("cohort", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cohort_playbook"), ["playbook"], unique=False)

    op.create_table(
        "coming_moment",
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("record", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("playbook", "trigger", "record", name=op.f("pk_coming_moment")),
    )
    with op.batch_alter_table("coming_moment", schema=None) as batch_op:
        batch_op.create_index("ix_coming_moment_at", ["at"], unique=False)

    op.create_table(
        "company",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("likeness", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("fields", JsonDocument, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company")),
    )
    with op.batch_alter_table("company", schema=None) as batch_op:
        batch_op.create_index("ix_company_label_id", ["label", "id"], unique=False)
        batch_op.create_index("ix_company_likeness_id", ["likeness", "id"], unique=False)
        batch_op.create_index("ix_company_owner_id", ["owner", "id"], unique=False)

    op.create_table(
        "company_change",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("before", JsonDocument, nullable=True),
        sa.Column("after", JsonDocument, nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company_change")),
    )
    with op.batch_alter_table("company_change", schema=None) as batch_op:
        batch_op.create_index("ix_company_change_company_at", ["company", "at"], unique=False)

    op.create_table(
        "company_key",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_company_key")),
    )
    with op.batch_alter_table("company_key", schema=None) as batch_op:
        batch_op.create_index("ix_company_key_company", ["company"], unique=False)

    op.create_table(
        "consent",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("lead", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("text_version", sa.String(), nullable=False),
        sa.Column("text_hash", sa.String(), nullable=False),
        sa.Column("ip", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.create_index("ix_consent_lead_at", ["lead", "at"], unique=False)

    op.create_table(
        "deal",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("lead", sa.String(), nullable=False),
        sa.Column("company_id", sa.String(), nullable=True),
        sa.Column("pipeline", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("closed", sa.String(), nullable=False),
        sa.Column("entry_ref", sa.String(), nullable=False),
        sa.Column("amount", sa.Float(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("decision_maker", sa.String(), nullable=True),
        sa.Column("lost_reason", sa.String(), nullable=True),
        sa.Column("tags", JsonDocument, nullable=False),
        sa.Column("fields", JsonDocument, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("stage_entered_at", Instant(), nullable=False),
        sa.Column("last_activity_at", Instant(), nullable=True),
        sa.Column("expected_close_at", Instant(), nullable=True),
        sa.Column("quote_sent_at", Instant(), nullable=True),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal")),
    )
    with op.batch_alter_table("deal", schema=None) as batch_op:
        batch_op.create_index(
            "ix_deal_company_id",
            ["company_id", "id"],
            unique=False,
            sqlite_where=sa.text("company_id IS NOT NULL"),
            postgresql_where=sa.text("company_id IS NOT NULL"),
        )
        batch_op.create_index("ix_deal_created_at_id", ["created_at", "id"], unique=False)
        batch_op.create_index("ix_deal_lead", ["lead"], unique=False)
        batch_op.create_index(
            "ix_deal_open",
            ["lead"],
            unique=False,
            sqlite_where=sa.text("closed = ''"),
            postgresql_where=sa.text("closed = ''"),
        )
        batch_op.create_index("ix_deal_owner_id", ["owner", "id"], unique=False)
        batch_op.create_index(
            "ix_deal_pipeline_stage_id", ["pipeline", "stage", "id"], unique=False
        )

    op.create_table(
        "deal_change",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("deal", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("before", JsonDocument, nullable=True),
        sa.Column("after", JsonDocument, nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_change")),
    )
    with op.batch_alter_table("deal_change", schema=None) as batch_op:
        batch_op.create_index("ix_deal_change_deal_at", ["deal", "at"], unique=False)

    op.create_table(
        "distinct_companies",
        sa.Column("one", sa.String(), nullable=False),
        sa.Column("other", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("one", "other", name=op.f("pk_distinct_companies")),
    )
    op.create_table(
        "duplicate",
        sa.Column("one", sa.String(), nullable=False),
        sa.Column("other", sa.String(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("reasons", JsonDocument, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("one", "other", name=op.f("pk_duplicate")),
    )
    with op.batch_alter_table("duplicate", schema=None) as batch_op:
        batch_op.create_index("ix_duplicate_other", ["other"], unique=False)
        batch_op.create_index("ix_duplicate_state_score", ["state", "score"], unique=False)

    op.create_table(
        "enrollment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("cohort", sa.String(), nullable=False),
        sa.Column("record", sa.String(), nullable=False),
        sa.Column("lead", sa.String(), nullable=False),
        sa.Column("deal", sa.String(), nullable=True),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("pc", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("blocked_on", sa.String(), nullable=False),
        sa.Column("wake_at", Instant(), nullable=True),
        sa.Column("until_at", Instant(), nullable=True),
        sa.Column("anchor_at", Instant(), nullable=False),
        sa.Column("listen_seq", sa.Integer(), nullable=False),
        sa.Column("held_at", Instant(), nullable=True),
        sa.Column("memory", JsonDocument, nullable=False),
        sa.Column("entered_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("goal", sa.Boolean(), nullable=False),
        sa.Column("goal_value", sa.Float(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollment")),
        sa.UniqueConstraint(
            "playbook", "record", "cause", name=op.f("uq_enrollment_playbook_record_cause")
        ),
    )
    with op.batch_alter_table("enrollment", schema=None) as batch_op:
        batch_op.create_index(
            "ix_enrollment_deal",
            ["deal"],
            unique=False,
            sqlite_where=sa.text("deal IS NOT NULL"),
            postgresql_where=sa.text("deal IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_enrollment_due",
            ["cohort", "wake_at"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index("ix_enrollment_lead", ["lead"], unique=False)
        batch_op.create_index(
            "ix_enrollment_playbook_state", ["playbook", "state", "id"], unique=False
        )
        batch_op.create_index(
            "uq_enrollment_open",
            ["playbook", "record", "key"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "erasure",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("former", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("rows", JsonDocument, nullable=False),
        sa.Column("began_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
    )
    with op.batch_alter_table("erasure", schema=None) as batch_op:
        batch_op.create_index("ix_erasure_former", ["former"], unique=False)

    op.create_table(
        "escalation_act",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("enrollment", sa.String(), nullable=False),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("lead", sa.String(), nullable=False),
        sa.Column("deal", sa.String(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("until", Instant(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalation_act")),
    )
    with op.batch_alter_table("escalation_act", schema=None) as batch_op:
        batch_op.create_index("ix_escalation_act_enrollment_at", ["enrollment", "at"], unique=False)
        batch_op.create_index("ix_escalation_act_lead_at", ["lead", "at"], unique=False)

    op.create_table(
        "event",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("lead", sa.String(), nullable=False),
        sa.Column("deal", sa.String(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("accepted_at", Instant(), nullable=False),
        sa.Column("properties", JsonDocument, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(
            "ix_event_deal_at",
            ["deal", "at"],
            unique=False,
            sqlite_where=sa.text("deal IS NOT NULL"),
            postgresql_where=sa.text("deal IS NOT NULL"),
        )
        batch_op.create_index("ix_event_lead_name_at", ["lead", "name", "at"], unique=False)

    op.create_table(
        "forgotten",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("hash", "topic", "reason", name=op.f("pk_forgotten")),
    )
    op.create_table(
        "gone_company",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("survivor", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gone_company")),
    )
    with op.batch_alter_table("gone_company", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gone_company_survivor"), ["survivor"], unique=False)

    op.create_table(
        "gone_lead",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("survivor", sa.String(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gone_lead")),
    )
    with op.batch_alter_table("gone_lead", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gone_lead_email_key"), ["email_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_gone_lead_survivor"), ["survivor"], unique=False)

    op.create_table(
        "heartbeat",
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("process", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("enrollment", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("cohort", sa.String(), nullable=False),
        sa.Column("batch", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("lead", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("marketing", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("via", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("not_before", Instant(), nullable=True),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("links", JsonDocument, nullable=False),
        sa.Column("params", JsonDocument, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("accepted_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("enrollment", "seq", name=op.f("uq_job_enrollment_seq")),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index(
            "ix_job_batch",
            ["batch"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index("ix_job_created", ["kind", "created_at", "id"], unique=False)
        batch_op.create_index(
            "ix_job_deferred",
            ["cohort", "not_before"],
            unique=False,
            sqlite_where=sa.text("state = 'deferred'"),
            postgresql_where=sa.text("state = 'deferred'"),
        )
        batch_op.create_index("ix_job_lead", ["lead", "accepted_at"], unique=False)
        batch_op.create_index(
            "ix_job_unusual",
            ["state", "created_at", "id"],
            unique=False,
            sqlite_where=sa.text("state NOT IN ('queued', 'in_flight', 'accepted')"),
            postgresql_where=sa.text("state NOT IN ('queued', 'in_flight', 'accepted')"),
        )

    op.create_table(
        "lead",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("email_key", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("first_name", sa.String(), nullable=True),
        sa.Column("last_name", sa.String(), nullable=True),
        sa.Column("full_name", sa.String(), nullable=True),
        sa.Column("company", sa.String(), nullable=True),
        sa.Column("company_id", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("country", sa.String(), nullable=True),
        sa.Column("city", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("timezone", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("birthday", sa.String(), nullable=True),
        sa.Column("consent", sa.String(), nullable=True),
        sa.Column("open_consent", sa.String(), nullable=True),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("grade", sa.String(), nullable=True),
        sa.Column("scores", JsonDocument, nullable=False),
        sa.Column("score_fit", sa.Float(), nullable=True),
        sa.Column("score_behavior", sa.Float(), nullable=True),
        sa.Column("score_at", sa.BigInteger(), nullable=True),
        sa.Column("score_half_life", sa.Float(), nullable=True),
        sa.Column("score_low", sa.Float(), nullable=True),
        sa.Column("score_high", sa.Float(), nullable=True),
        sa.Column("score_look_at", Instant(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("tags", JsonDocument, nullable=False),
        sa.Column("fields", JsonDocument, nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("revenue", sa.Float(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("stage_entered_at", Instant(), nullable=False),
        sa.Column("last_seen_at", Instant(), nullable=True),
        sa.Column("last_activity_at", Instant(), nullable=True),
        sa.Column("last_contacted_at", Instant(), nullable=True),
        sa.Column("last_sent_at", Instant(), nullable=True),
        sa.Column("last_opened_at", Instant(), nullable=True),
        sa.Column("last_clicked_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead")),
        sa.UniqueConstraint("email_key", name=op.f("uq_lead_email_key")),
    )
    with op.batch_alter_table("lead", schema=None) as batch_op:
        batch_op.create_index(
            "ix_lead_company",
            ["company"],
            unique=False,
            sqlite_where=sa.text("company IS NOT NULL"),
            postgresql_where=sa.text("company IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_lead_company_id",
            ["company_id", "id"],
            unique=False,
            sqlite_where=sa.text("company_id IS NOT NULL"),
            postgresql_where=sa.text("company_id IS NOT NULL"),
        )
        batch_op.create_index("ix_lead_created_at_id", ["created_at", "id"], unique=False)
        batch_op.create_index("ix_lead_owner_id", ["owner", "id"], unique=False)
        batch_op.create_index(
            "ix_lead_score_look",
            ["score_look_at"],
            unique=False,
            sqlite_where=sa.text("score_look_at IS NOT NULL"),
            postgresql_where=sa.text("score_look_at IS NOT NULL"),
        )
        batch_op.create_index("ix_lead_stage_id", ["stage", "id"], unique=False)
        batch_op.create_index("ix_lead_timezone_id", ["timezone", "id"], unique=False)

    op.create_table(
        "lead_key",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("lead", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", "lead", name=op.f("pk_lead_key")),
    )
    with op.batch_alter_table("lead_key", schema=None) as batch_op:
        batch_op.create_index("ix_lead_key_lead", ["lead"], unique=False)

    op.create_table(
        "mail_account",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_mail_account")),
    )
    op.create_table(
        "mail_file",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_mail_file")),
    )
    op.create_table(
        "mailed_before",
        sa.Column("job", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_mailed_before")),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("lead", sa.String(), nullable=True),
        sa.Column("deal", sa.String(), nullable=True),
        sa.Column("enrollment", sa.String(), nullable=False),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index("ix_notice_created", ["created_at", "id"], unique=False)
        batch_op.create_index("ix_notice_digest", ["digest"], unique=False)
        batch_op.create_index(
            "ix_notice_lead",
            ["lead"],
            unique=False,
            sqlite_where=sa.text("lead IS NOT NULL"),
            postgresql_where=sa.text("lead IS NOT NULL"),
        )
        batch_op.create_index("ix_notice_owner", ["owner", "created_at", "id"], unique=False)

    op.create_table(
        "pace",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("next_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_pace")),
    )
    op.create_table(
        "past_event",
        sa.Column("id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past_event")),
    )
    op.create_table(
        "plan",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("format", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_plan")),
    )
    with op.batch_alter_table("plan", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_plan_playbook"), ["playbook"], unique=False)

    op.create_table(
        "playbook",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("applied_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_playbook")),
    )
    op.create_table(
        "pooled",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("lead", sa.String(), nullable=True),
        sa.Column("deal", sa.String(), nullable=True),
        sa.Column("former", sa.String(), nullable=True),
        sa.Column("not_former_until", Instant(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("claimed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pooled")),
    )
    with op.batch_alter_table("pooled", schema=None) as batch_op:
        batch_op.create_index(
            "ix_pooled_claimed",
            ["owner", "pool", "claimed_at"],
            unique=False,
            sqlite_where=sa.text("owner IS NOT NULL"),
            postgresql_where=sa.text("owner IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_pooled_deal",
            ["deal"],
            unique=False,
            sqlite_where=sa.text("deal IS NOT NULL"),
            postgresql_where=sa.text("deal IS NOT NULL"),
        )
        batch_op.create_index("ix_pooled_lead", ["lead"], unique=False)
        batch_op.create_index(
            "ix_pooled_open",
            ["pool", "at", "id"],
            unique=False,
            sqlite_where=sa.text("owner IS NULL"),
            postgresql_where=sa.text("owner IS NULL"),
        )

    op.create_table(
        "publication",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publication")),
    )
    op.create_table(
        "published",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("revision", sa.String(), nullable=False),
        sa.Column("workspace", JsonDocument, nullable=False),
        sa.Column("applied_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_published")),
    )
    op.create_table(
        "published_version",
        sa.Column("publication", sa.String(), nullable=False),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("publication", "playbook", name=op.f("pk_published_version")),
    )
    with op.batch_alter_table("published_version", schema=None) as batch_op:
        batch_op.create_index(
            "ix_published_version_playbook", ["playbook", "publication"], unique=False
        )

    op.create_table(
        "refusal",
        sa.Column("record", sa.String(), nullable=False),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("record", "playbook", "reason", name=op.f("pk_refusal")),
    )
    op.create_table(
        "rescoring",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("fires", sa.Boolean(), nullable=False),
        sa.Column("began_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rescoring")),
    )
    op.create_table(
        "restoration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("copied_at", Instant(), nullable=False),
        sa.Column("lost_at", Instant(), nullable=False),
        sa.Column("begun_at", Instant(), nullable=False),
        sa.Column("released_at", Instant(), nullable=True),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restoration")),
    )
    op.create_table(
        "restored_run",
        sa.Column("enrollment", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("enrollment", name=op.f("pk_restored_run")),
    )
    op.create_table(
        "retention_mark",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("looked_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_retention_mark")),
    )
    op.create_table(
        "returned",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("lead", sa.String(), nullable=False),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("door", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returned")),
    )
    with op.batch_alter_table("returned", schema=None) as batch_op:
        batch_op.create_index("ix_returned_lead_kind_at", ["lead", "kind", "at"], unique=False)
        batch_op.create_index(
            "ix_returned_playbook_kind_at", ["playbook", "kind", "at"], unique=False
        )

    op.create_table(
        "salt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_salt")),
    )
    op.create_table(
        "schema_bound",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("works_from", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schema_bound")),
    )
    op.create_table(
        "score_entry",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("lead", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("points", sa.Float(), nullable=False),
        sa.Column("worth", sa.Float(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("most", sa.Float(), nullable=True),
        sa.Column("per", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("noted_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_entry")),
    )
    with op.batch_alter_table("score_entry", schema=None) as batch_op:
        batch_op.create_index("ix_score_entry_lead", ["lead", "name", "at"], unique=False)

    op.create_table(
        "segment_look",
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("condition", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("looked_at", Instant(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("playbook", "condition", name=op.f("pk_segment_look")),
    )
    op.create_table(
        "shadow",
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("playbook", name=op.f("pk_shadow")),
    )
    op.create_table(
        "slow_destination",
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("destination", name=op.f("pk_slow_destination")),
    )
    op.create_table(
        "split_draw",
        sa.Column("enrollment", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("lead", sa.String(), nullable=False),
        sa.Column("arm", sa.String(), nullable=False),
        sa.Column("by_weight", sa.Boolean(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("converted_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("enrollment", "split", name=op.f("pk_split_draw")),
    )
    with op.batch_alter_table("split_draw", schema=None) as batch_op:
        batch_op.create_index(
            "ix_split_draw_due",
            ["playbook", "split", "event", "due_at", "arm", "converted_at"],
            unique=False,
        )
        batch_op.create_index(
            "ix_split_draw_out",
            ["lead"],
            unique=False,
            sqlite_where=sa.text("event <> '' AND converted_at IS NULL"),
            postgresql_where=sa.text("event <> '' AND converted_at IS NULL"),
        )

    op.create_table(
        "split_standing",
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("sampled", sa.Integer(), nullable=False),
        sa.Column("decide_at", Instant(), nullable=True),
        sa.Column("counted_until", Instant(), nullable=False),
        sa.Column("evidence", JsonDocument, nullable=False),
        sa.PrimaryKeyConstraint("playbook", "split", "event", name=op.f("pk_split_standing")),
    )
    op.create_table(
        "step_log",
        sa.Column("enrollment", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("enrollment", "seq", name=op.f("pk_step_log")),
    )
    op.create_table(
        "suppression",
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("email_key", "topic", "reason", name=op.f("pk_suppression")),
    )
    op.create_table(
        "task",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("lead", sa.String(), nullable=True),
        sa.Column("deal", sa.String(), nullable=True),
        sa.Column("enrollment", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("snoozed_until", Instant(), nullable=True),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("ended_by", sa.String(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
    )
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.create_index(
            "ix_task_deal",
            ["deal"],
            unique=False,
            sqlite_where=sa.text("deal IS NOT NULL"),
            postgresql_where=sa.text("deal IS NOT NULL"),
        )
        batch_op.create_index("ix_task_enrollment", ["enrollment"], unique=False)
        batch_op.create_index("ix_task_lead", ["lead"], unique=False)
        batch_op.create_index(
            "ix_task_open",
            ["owner", "due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "task_act",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("did", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("until_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_act")),
    )
    with op.batch_alter_table("task_act", schema=None) as batch_op:
        batch_op.create_index("ix_task_act_at", ["at", "id"], unique=False)
        batch_op.create_index("ix_task_act_task", ["task", "at"], unique=False)

    op.create_table(
        "template",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_template")),
    )
    op.create_table(
        "throttle",
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("destination", name=op.f("pk_throttle")),
    )
    op.create_table(
        "trigger_clock",
        sa.Column("playbook", sa.String(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("next_at", Instant(), nullable=True),
        sa.Column("firing_at", Instant(), nullable=True),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("stopped_at", Instant(), nullable=True),
        sa.Column("served_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("playbook", "trigger", "zone", name=op.f("pk_trigger_clock")),
    )
    with op.batch_alter_table("trigger_clock", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_trigger_clock_next_at"), ["next_at"], unique=False)

    op.create_table(
        "turn",
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("position", sa.Float(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "owner", name=op.f("pk_turn")),
    )


def downgrade() -> None:
    op.drop_table("turn")
    with op.batch_alter_table("trigger_clock", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_trigger_clock_next_at"))

    op.drop_table("trigger_clock")
    op.drop_table("throttle")
    op.drop_table("template")
    with op.batch_alter_table("task_act", schema=None) as batch_op:
        batch_op.drop_index("ix_task_act_task")
        batch_op.drop_index("ix_task_act_at")

    op.drop_table("task_act")
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_task_open",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.drop_index("ix_task_lead")
        batch_op.drop_index("ix_task_enrollment")
        batch_op.drop_index(
            "ix_task_deal",
            sqlite_where=sa.text("deal IS NOT NULL"),
            postgresql_where=sa.text("deal IS NOT NULL"),
        )

    op.drop_table("task")
    op.drop_table("suppression")
    op.drop_table("step_log")
    op.drop_table("split_standing")
    with op.batch_alter_table("split_draw", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_split_draw_out",
            sqlite_where=sa.text("event <> '' AND converted_at IS NULL"),
            postgresql_where=sa.text("event <> '' AND converted_at IS NULL"),
        )
        batch_op.drop_index("ix_split_draw_due")

    op.drop_table("split_draw")
    op.drop_table("slow_destination")
    op.drop_table("shadow")
    op.drop_table("segment_look")
    with op.batch_alter_table("score_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_score_entry_lead")

    op.drop_table("score_entry")
    op.drop_table("schema_bound")
    op.drop_table("salt")
    with op.batch_alter_table("returned", schema=None) as batch_op:
        batch_op.drop_index("ix_returned_playbook_kind_at")
        batch_op.drop_index("ix_returned_lead_kind_at")

    op.drop_table("returned")
    op.drop_table("retention_mark")
    op.drop_table("restored_run")
    op.drop_table("restoration")
    op.drop_table("rescoring")
    op.drop_table("refusal")
    with op.batch_alter_table("published_version", schema=None) as batch_op:
        batch_op.drop_index("ix_published_version_playbook")

    op.drop_table("published_version")
    op.drop_table("published")
    op.drop_table("publication")
    with op.batch_alter_table("pooled", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_pooled_open",
            sqlite_where=sa.text("owner IS NULL"),
            postgresql_where=sa.text("owner IS NULL"),
        )
        batch_op.drop_index("ix_pooled_lead")
        batch_op.drop_index(
            "ix_pooled_deal",
            sqlite_where=sa.text("deal IS NOT NULL"),
            postgresql_where=sa.text("deal IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_pooled_claimed",
            sqlite_where=sa.text("owner IS NOT NULL"),
            postgresql_where=sa.text("owner IS NOT NULL"),
        )

    op.drop_table("pooled")
    op.drop_table("playbook")
    with op.batch_alter_table("plan", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_plan_playbook"))

    op.drop_table("plan")
    op.drop_table("past_event")
    op.drop_table("pace")
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_index("ix_notice_owner")
        batch_op.drop_index(
            "ix_notice_lead",
            sqlite_where=sa.text("lead IS NOT NULL"),
            postgresql_where=sa.text("lead IS NOT NULL"),
        )
        batch_op.drop_index("ix_notice_digest")
        batch_op.drop_index("ix_notice_created")

    op.drop_table("notice")
    op.drop_table("mailed_before")
    op.drop_table("mail_file")
    op.drop_table("mail_account")
    with op.batch_alter_table("lead_key", schema=None) as batch_op:
        batch_op.drop_index("ix_lead_key_lead")

    op.drop_table("lead_key")
    with op.batch_alter_table("lead", schema=None) as batch_op:
        batch_op.drop_index("ix_lead_timezone_id")
        batch_op.drop_index("ix_lead_stage_id")
        batch_op.drop_index(
            "ix_lead_score_look",
            sqlite_where=sa.text("score_look_at IS NOT NULL"),
            postgresql_where=sa.text("score_look_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_lead_owner_id")
        batch_op.drop_index("ix_lead_created_at_id")
        batch_op.drop_index(
            "ix_lead_company_id",
            sqlite_where=sa.text("company_id IS NOT NULL"),
            postgresql_where=sa.text("company_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_lead_company",
            sqlite_where=sa.text("company IS NOT NULL"),
            postgresql_where=sa.text("company IS NOT NULL"),
        )

    op.drop_table("lead")
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_job_unusual",
            sqlite_where=sa.text("state NOT IN ('queued', 'in_flight', 'accepted')"),
            postgresql_where=sa.text("state NOT IN ('queued', 'in_flight', 'accepted')"),
        )
        batch_op.drop_index("ix_job_lead")
        batch_op.drop_index(
            "ix_job_deferred",
            sqlite_where=sa.text("state = 'deferred'"),
            postgresql_where=sa.text("state = 'deferred'"),
        )
        batch_op.drop_index("ix_job_created")
        batch_op.drop_index(
            "ix_job_batch",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("job")
    op.drop_table("heartbeat")
    with op.batch_alter_table("gone_lead", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gone_lead_survivor"))
        batch_op.drop_index(batch_op.f("ix_gone_lead_email_key"))

    op.drop_table("gone_lead")
    with op.batch_alter_table("gone_company", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gone_company_survivor"))

    op.drop_table("gone_company")
    op.drop_table("forgotten")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index("ix_event_lead_name_at")
        batch_op.drop_index(
            "ix_event_deal_at",
            sqlite_where=sa.text("deal IS NOT NULL"),
            postgresql_where=sa.text("deal IS NOT NULL"),
        )

    op.drop_table("event")
    with op.batch_alter_table("escalation_act", schema=None) as batch_op:
        batch_op.drop_index("ix_escalation_act_lead_at")
        batch_op.drop_index("ix_escalation_act_enrollment_at")

    op.drop_table("escalation_act")
    with op.batch_alter_table("erasure", schema=None) as batch_op:
        batch_op.drop_index("ix_erasure_former")

    op.drop_table("erasure")
    with op.batch_alter_table("enrollment", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_enrollment_open",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index("ix_enrollment_playbook_state")
        batch_op.drop_index("ix_enrollment_lead")
        batch_op.drop_index(
            "ix_enrollment_due",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_enrollment_deal",
            sqlite_where=sa.text("deal IS NOT NULL"),
            postgresql_where=sa.text("deal IS NOT NULL"),
        )

    op.drop_table("enrollment")
    with op.batch_alter_table("duplicate", schema=None) as batch_op:
        batch_op.drop_index("ix_duplicate_state_score")
        batch_op.drop_index("ix_duplicate_other")

    op.drop_table("duplicate")
    op.drop_table("distinct_companies")
    with op.batch_alter_table("deal_change", schema=None) as batch_op:
        batch_op.drop_index("ix_deal_change_deal_at")

    op.drop_table("deal_change")
    with op.batch_alter_table("deal", schema=None) as batch_op:
        batch_op.drop_index("ix_deal_pipeline_stage_id")
        batch_op.drop_index("ix_deal_owner_id")
        batch_op.drop_index(
            "ix_deal_open",
            sqlite_where=sa.text("closed = ''"),
            postgresql_where=sa.text("closed = ''"),
        )
        batch_op.drop_index("ix_deal_lead")
        batch_op.drop_index("ix_deal_created_at_id")
        batch_op.drop_index(
            "ix_deal_company_id",
            sqlite_where=sa.text("company_id IS NOT NULL"),
            postgresql_where=sa.text("company_id IS NOT NULL"),
        )

    op.drop_table("deal")
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.drop_index("ix_consent_lead_at")

    op.drop_table("consent")
    with op.batch_alter_table("company_key", schema=None) as batch_op:
        batch_op.drop_index("ix_company_key_company")

    op.drop_table("company_key")
    with op.batch_alter_table("company_change", schema=None) as batch_op:
        batch_op.drop_index("ix_company_change_company_at")

    op.drop_table("company_change")
    with op.batch_alter_table("company", schema=None) as batch_op:
        batch_op.drop_index("ix_company_owner_id")
        batch_op.drop_index("ix_company_likeness_id")
        batch_op.drop_index("ix_company_label_id")

    op.drop_table("company")
    with op.batch_alter_table("coming_moment", schema=None) as batch_op:
        batch_op.drop_index("ix_coming_moment_at")

    op.drop_table("coming_moment")
    with op.batch_alter_table("cohort", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cohort_playbook"))

    op.drop_table("cohort")
    with op.batch_alter_table("change", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_change_moves",
            sqlite_where=sa.text("field = 'stage'"),
            postgresql_where=sa.text("field = 'stage'"),
        )
        batch_op.drop_index("ix_change_lead_at")

    op.drop_table("change")
    with op.batch_alter_table("bulk_enrollment", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_bulk_enrollment_running",
            sqlite_where=sa.text("state = 'running'"),
            postgresql_where=sa.text("state = 'running'"),
        )

    op.drop_table("bulk_enrollment")
    op.drop_table("brake")
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_batch_open",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.drop_table("batch")
    op.drop_table("awaited_event")
    with op.batch_alter_table("assignment", schema=None) as batch_op:
        batch_op.drop_index("ix_assignment_owner_at")
        batch_op.drop_index("ix_assignment_lead_at")
        batch_op.drop_index(
            "ix_assignment_deal_at",
            sqlite_where=sa.text("deal IS NOT NULL"),
            postgresql_where=sa.text("deal IS NOT NULL"),
        )

    op.drop_table("assignment")
    op.drop_table("api_key")
