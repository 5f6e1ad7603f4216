"""The words of a name: how tables and columns are read aloud, whatever the style they are written in."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LONGEST = 24  # words of one name that are looked at: hostile names are long

_IRREGULAR = {
    "people": "person",
    "children": "child",
    "men": "man",
    "women": "woman",
    "feet": "foot",
    "mice": "mouse",
    "indices": "index",
    "indexes": "index",
    "vertices": "vertex",
    "matrices": "matrix",
    "criteria": "criterion",
    "phenomena": "phenomenon",
    "analyses": "analysis",
    "bases": "base",
    "diagnoses": "diagnosis",
    "theses": "thesis",
    "buses": "bus",
    "gases": "gas",
    "lenses": "lens",
    "aliases": "alias",
    "quizzes": "quiz",
    "movies": "movie",
    "cookies": "cookie",
    "caches": "cache",
    "axes": "axis",
    "series": "series",
    "species": "species",
    "news": "news",
    "lives": "life",
    "ids": "id",
    "wives": "wife",
    "shelves": "shelf",
    "halves": "half",
}
_USE = ("house", "cause", "clause", "pause", "spouse", "mouse", "excuse", "reuse")


@lru_cache(maxsize=1 << 17)
def words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, at its separators, capitals and digits.

    >>> words("student_user_id"), words("tutorUserId"), words("HTTPServerID"), words("entity0")
    (('student', 'user', 'id'), ('tutor', 'user', 'id'), ('http', 'server', 'id'), ('entity', '0'))
    """
    found: list[str] = []
    for run in _WORD.findall(name):
        if run.isupper() or run.islower():
            found.append(run.lower())
        else:
            found += [part.lower() for part in _CAMEL.split(run) if part]
        if len(found) > _LONGEST:
            break
    return tuple(found[:_LONGEST])


@lru_cache(maxsize=1 << 16)
def singular(word: str) -> str:
    """Return one of what an English word names many of; both sides of a comparison go through here.

    >>> [singular(w) for w in ("users", "categories", "addresses", "statuses", "status", "people", "class")]
    ['user', 'category', 'address', 'status', 'status', 'person', 'class']
    """
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return word[:-2]
    if word.endswith("uses") and not word[:-1].endswith(_USE):
        return word[:-2]
    return word[:-1]


@lru_cache(maxsize=1 << 17)
def stems(name: str) -> tuple[str, ...]:
    """Return the words of a name, each in the singular.

    >>> stems("OrganisationMembers"), stems("order_items")
    (('organisation', 'member'), ('order', 'item'))
    """
    return tuple(singular(word) for word in words(name))


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


IDENTIFIERS = _set(
    """
    id uuid guid sk pk fk key gid oid uid ref ulid nid
    """
)
"""What ends the name of a column that identifies a row by a value without meaning."""

CODES = _set(
    """
    code no nr num number cd slug name hash digest email login username handle symbol abbr
    iso token
    """
)
"""What ends the name of a column that identifies a row by a value that people know."""

GENERIC = (
    IDENTIFIERS
    | CODES
    | _set(
        """
        type title label url path value version date status position kind order rank text
        description row seq address phone domain
        """
    )
)
"""Names of columns that many tables have, each its own."""

HOLLOW = _set(
    """
    row record object entity internal public global unique
    """
)
"""What says no more of an identifier than that it is one."""

SECRETS = _set(
    """
    hash digest token secret password checksum signature salt
    """
)
"""What is unique and yet nobody's key."""

ROLES = _set(
    """
    owner author creator editor sender recipient receiver assignee reviewer approver
    requester requestor reporter updater modifier inviter invitee resolver initiator
    uploader manager admin moderator mod follower subscriber publisher submitter assigner
    granter grantee revoker actor operator supervisor organizer organiser participant
    attendee commenter voter maintainer contributor responder deleter poster friend proposer
    buyer seller leader representative caller blocker watcher mentor invited nominee
    candidate annotator validator verifier signer payer
    """
)
"""Parts that people play: a column of such a name refers to a person, whatever the table is called."""

PEOPLE = {
    "user": 1.0,
    "account": 0.6,
    "person": 0.8,
    "member": 0.5,
    "employee": 0.7,
    "staff": 0.7,
    "customer": 0.4,
    "profile": 0.2,
    "login": 0.3,
    "contact": 0.2,
    "admin": 0.3,
    "actor": 0.1,
}
"""What tables of people are called, and how likely `created_by` means them."""

SELVES = _set(
    """
    parent ancestor predecessor successor previous prev next original root child forked fork
    duplicate reply replaced replacement copied cloned supersede superseded descendant
    superordinate sibling related merged
    """
)
"""Relations between rows of one table."""

CHIEFS = _set(
    """
    manager supervisor boss superior report lead leader mentor
    """
)
"""Relations between rows of a table of people who work together."""

LED = _set("user person member employee staff admin")
"""Of PEOPLE those whose chief is one of them; the manager of a customer or an account is not."""

FOREIGN = _set(
    """
    external ext stripe paypal gateway braintree adyen klarna twilio google github gitlab
    facebook twitter linkedin apple microsoft azure slack discord aws gcp firebase okta
    auth0 salesforce hubspot mailchimp sendgrid shopify remote upstream vendor legacy
    foreign processor psp oidc saml ldap tracking correlation trace span request idempotency
    fingerprint checksum docusign zendesk intercom
    """
)
"""Whose identifier it is, where it is nobody's here: services outside, and the traces of calls."""

FLEETING = _set(
    """
    session request trace span correlation tracking transaction token job message device
    client process thread batch external event
    """
)
"""What has an identifier in every system: such a name means a table of its own service or none."""

COPIES = _set(
    """
    backup bak bkp copy old tmp temp orig archive archived staging stage stg snapshot import
    scratch deprecated legacy test
    """
)
"""What people add to the name of a table when they keep a copy of it."""
