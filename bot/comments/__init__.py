"""Every sentence that the bot says on GitHub; pure, snapshot-tested. One function per situation, one module per place."""

from __future__ import annotations

from bot.comments.answers import (
    already_open_comment,
    already_running_comment,
    help_comment,
    idle_status_comment,
    no_rfc_comment,
    not_allowed_comment,
    nothing_running_comment,
    running_status_comment,
    steering_comment,
    stopping_comment,
    user_error_comment,
)
from bot.comments.form import BODY_LIMIT, fit, quoted
from bot.comments.investigation import inquired_note, inquiry_comment, second_reader_note
from bot.comments.pull_request import (
    evidence_summary,
    evidence_title,
    opened_note,
    pull_request_body,
    reviewed_note,
    thread_reply,
)
from bot.comments.rfc import (
    edited_comment,
    forecast_words,
    issue_edited_comment,
    rfc_comments,
    rfc_done_note,
    rfc_note,
    round_comment,
)
from bot.comments.run import bug_note, failed_note, status_comment, stopped_note, unavailable_note
from bot.comments.vocabulary import COMMANDS, KIND_WORDS, LABELS, RFC_IN_REVIEW, RFC_NEEDED, STAGES_OF

__all__ = [
    "BODY_LIMIT",
    "COMMANDS",
    "KIND_WORDS",
    "LABELS",
    "RFC_IN_REVIEW",
    "RFC_NEEDED",
    "STAGES_OF",
    "already_open_comment",
    "already_running_comment",
    "bug_note",
    "edited_comment",
    "evidence_summary",
    "evidence_title",
    "failed_note",
    "fit",
    "forecast_words",
    "help_comment",
    "idle_status_comment",
    "inquired_note",
    "inquiry_comment",
    "issue_edited_comment",
    "no_rfc_comment",
    "not_allowed_comment",
    "nothing_running_comment",
    "opened_note",
    "pull_request_body",
    "quoted",
    "reviewed_note",
    "rfc_comments",
    "rfc_done_note",
    "rfc_note",
    "round_comment",
    "running_status_comment",
    "second_reader_note",
    "status_comment",
    "steering_comment",
    "stopped_note",
    "stopping_comment",
    "thread_reply",
    "unavailable_note",
    "user_error_comment",
]
