"""What help holds of people: a driver's cases go with them, what helpers wrote stays without their name."""

import sqlalchemy as sa

from gridlane.kernel.personal import After, Holding, Share, signed_by
from gridlane.kernel.retention import Kept
from gridlane.support.model import notices, support_attachments, support_cases, support_entries

CASES = Holding(support_cases)
HOLDINGS = (
    Holding(support_entries, (), via=CASES, link="case_id"),
    Holding(support_attachments, (), via=CASES, link="case_id"),
    CASES,
    Holding(support_cases, ("assigned_to",), After.NAMELESS, blank={"assigned_to": None}),
    Holding(support_cases, ("contact",), After.NAMELESS, blank={"contact": None}),
    *signed_by(
        support_cases.c.opened_by,
        support_entries.c.author,
        support_attachments.c.author,
        notices.c.created_by,
    ),
)
SHARE = Share(HOLDINGS)

RETENTION = (
    Kept(
        "case_days",
        support_cases,
        support_cases.c.changed_at,
        sa.or_(support_cases.c.solved_at.is_not(None), support_cases.c.merged_into.is_not(None)),
    ),
    Kept("notice_days", notices, sa.func.coalesce(notices.c.withdrawn_at, notices.c.ends_at)),
)
