"""A review: what was collected, run through the notebooks, written as a report that opens from disk."""

from workbench.review.desk import open_lab
from workbench.review.execute import Outcome, run_notebooks
from workbench.review.pages import write_pages
from workbench.review.report import ReviewResult, Wanted, run_review
from workbench.review.webhook import Webhook, webhook_of
from workbench.review.whole import review

__all__ = [
    "Outcome",
    "ReviewResult",
    "Wanted",
    "Webhook",
    "open_lab",
    "review",
    "run_notebooks",
    "run_review",
    "webhook_of",
    "write_pages",
]
