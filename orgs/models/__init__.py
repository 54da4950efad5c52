from orgs.models.credentials import ApiKey, Credential, IdentityProvider, ScimToken, Scope
from orgs.models.deletions import OrgDeletion
from orgs.models.entities import KIND_SWITCHES, Entity, EntityKind, HandPlacement
from orgs.models.erasures import Erasure
from orgs.models.feed import FeedHead, FeedItem, FeedKind, FeedTouch, HistoryItem, HistoryKind
from orgs.models.history import Change, Door, LedgerEntry, SupportNotice
from orgs.models.invitations import Ending, Invitation
from orgs.models.mails import Mail, MailChoices, MailedMatter, MailKind, MailState, MailTime, MatterRound
from orgs.models.matters import Matter, MatterKind
from orgs.models.organizations import (
    AttributeType,
    Carrier,
    Organization,
    PendingDomain,
    Plan,
    ProfileAttribute,
    Role,
    RolePolicy,
    SchemaProfile,
    VerifiedDomain,
)
from orgs.models.past import FactKind, Past, PastBegin
from orgs.models.people import LastAdmin, Standing, User
from orgs.models.proposals import Proposal, ProposalState
from orgs.models.queue import Mark, Turn
from orgs.models.second_factors import FactorKind, RecoveryCode, SecondFactor
from orgs.models.setup_links import Purpose, SetupLink
from orgs.models.sign_in import IdentityLink, Session, SignInFailures, SsoSignIn
from orgs.models.support_views import SupportView

__all__ = [
    "KIND_SWITCHES",
    "ApiKey",
    "AttributeType",
    "Carrier",
    "Change",
    "Credential",
    "Door",
    "Ending",
    "Entity",
    "EntityKind",
    "Erasure",
    "FactKind",
    "FactorKind",
    "FeedHead",
    "FeedItem",
    "FeedKind",
    "FeedTouch",
    "HandPlacement",
    "HistoryItem",
    "HistoryKind",
    "IdentityLink",
    "IdentityProvider",
    "Invitation",
    "LastAdmin",
    "LedgerEntry",
    "Mail",
    "MailChoices",
    "MailKind",
    "MailState",
    "MailTime",
    "MailedMatter",
    "Mark",
    "Matter",
    "MatterKind",
    "MatterRound",
    "OrgDeletion",
    "Organization",
    "Past",
    "PastBegin",
    "PendingDomain",
    "Plan",
    "ProfileAttribute",
    "Proposal",
    "ProposalState",
    "Purpose",
    "RecoveryCode",
    "Role",
    "RolePolicy",
    "SchemaProfile",
    "ScimToken",
    "Scope",
    "SecondFactor",
    "Session",
    "SetupLink",
    "SignInFailures",
    "SsoSignIn",
    "Standing",
    "SupportNotice",
    "SupportView",
    "Turn",
    "User",
    "VerifiedDomain",
]
