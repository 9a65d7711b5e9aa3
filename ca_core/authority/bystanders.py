"""The plugins beside every issuance: asked before a leaf is signed, told what became of it."""

from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509

from ca_core.authority.events import Events
from ca_core.authority.reviews import Reviews
from ca_core.contract.events import EventType
from ca_core.contract.plugin import IssuanceReview
from ca_core.contract.requests import LeafRequest
from ca_core.errors import GuardError
from ca_core.identity.csr import CheckedCsr
from ca_core.wire.times import wire_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Bystanders:
    """The enabled plugins of both broadcast hooks; nobody by default."""

    reviews: Reviews = field(default_factory=Reviews)
    events: Events = field(default_factory=Events)

    async def review(
        self, csr: CheckedCsr, *, principal: str, authority: str, not_after: datetime
    ) -> None:
        """Return if nobody denies this leaf.

        Raises:
            DeniedError: names the plugin that denied, or failed, and the reason.
        """
        if not self.reviews:
            return
        review = IssuanceReview(
            identity=csr.identity,
            dns_names=csr.dns_names,
            ip_addresses=tuple(map(str, csr.ip_addresses)),
            principal=principal,
            not_after=not_after,
            authority=authority,
        )
        await self.reviews.ask(review)

    def tell_refused(self, request: LeafRequest, principal: str, refused: GuardError) -> None:
        """Tell that the guard refused what was signed for a request."""
        self.events.tell(
            EventType.LEAF_REFUSED,
            identity=str(request.identity),
            principal=principal,
            provider=refused.provider,
            rule=refused.rule,
            certificate=refused.certificate,
        )

    def tell_issued(
        self,
        leaf: x509.Certificate,
        request: LeafRequest,
        *,
        principal: str,
        authority: str,
        index: int,
    ) -> None:
        """Tell that a leaf is recorded and about to be released."""
        if not self.events.has_listeners:  # putting it into words costs a part of a signature
            return
        self.events.tell(
            EventType.LEAF_ISSUED,
            identity=str(request.identity),
            principal=principal,
            authority=authority,
            signer=request.signer,
            serial=f"{leaf.serial_number:x}",
            not_after=wire_time(leaf.not_valid_after_utc),
            index=str(index),
        )

    def close(self) -> None:
        """Let the plugins have the events that still wait, for a moment; end their threads."""
        self.reviews.close()
        self.events.close()
