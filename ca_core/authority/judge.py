"""Holding answers against rules: the lists, and what happens when one is broken."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from cryptography import x509

from ca_core.authority.authorityrules import AUTHORITY_RULES, AuthorityFacts
from ca_core.authority.carules import CROSS_RULES, INTERMEDIATE_RULES, CrossFacts, IntermediateFacts
from ca_core.authority.documentrules import CRL_RULES, CSR_RULES, CrlFacts, CsrFacts
from ca_core.authority.leafrules import LEAF_RULES, LeafFacts
from ca_core.authority.rules import Extensions, Rule, first_broken, read_extensions
from ca_core.authority.signerrules import REACH_RULES, SIGNER_RULES, ReachFacts, SignerFacts
from ca_core.errors import Error, GuardError, ProviderError
from ca_core.identity.certificates import fingerprint

FactsT = TypeVar("FactsT")
AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """Every rule of the guard but the first of each list, which is never left out.

    Production uses the defaults; tests leave one out to prove that it alone stops what it stops.
    """

    leaf: tuple[Rule[LeafFacts], ...] = LEAF_RULES
    intermediate: tuple[Rule[IntermediateFacts], ...] = INTERMEDIATE_RULES
    cross: tuple[Rule[CrossFacts], ...] = CROSS_RULES
    authority: tuple[Rule[AuthorityFacts], ...] = AUTHORITY_RULES
    signer: tuple[Rule[SignerFacts], ...] = SIGNER_RULES
    reach: tuple[Rule[ReachFacts], ...] = REACH_RULES
    csr: tuple[Rule[CsrFacts], ...] = CSR_RULES
    crl: tuple[Rule[CrlFacts], ...] = CRL_RULES


class Judge:
    """Calls a provider and holds its answers against rules, in its name."""

    def __init__(
        self,
        name: str,
        *,
        on_violation: Callable[[GuardError], None],
        on_bug: Callable[[ProviderError], None],
        logger: logging.Logger,
    ) -> None:
        self.name = name
        self._on_violation = on_violation
        self._on_bug = on_bug
        self._logger = logger
        self._warned: set[str] = set()

    def asked(self, call: Callable[..., AnswerT], *arguments: object) -> AnswerT:
        """Return what the provider answers; whatever foreign it raises is named and counted.

        The foreign exception's own text stays in ``__cause__``: it may hold a secret.

        Raises:
            Error: as the provider raised it.
            ProviderError: anything else that escaped; it is a bug of the provider.
        """
        try:
            return call(*arguments)
        except Error:
            raise
        except Exception as error:
            what = f"{type(error).__name__} at {place_of(error)}"
            raise self.bug(f"{_method(call)}() raised {what}") from error

    def bug(self, fault: str) -> ProviderError:
        """Return the counted error for a provider that broke the contract outside certificates."""
        error = ProviderError(
            f"provider {self.name!r}: {fault}; this is a bug of the provider",
            hint="report it to the provider's author",
        )
        self._on_bug(error)
        self._logger.error("%s", error)
        return error

    def readable(self, rule: str, answer: object) -> tuple[x509.Certificate, Extensions]:
        """Return an answer that is a certificate which can be judged, and its extensions."""
        if not isinstance(answer, x509.Certificate):
            kind = type(answer).__name__
            self.refuse(rule, f"the answer is a {kind}, not an x509.Certificate", answer)
        found = read_extensions(answer)
        if isinstance(found, str):
            self.refuse(rule, found, answer)
        return answer, found

    def hold(self, rules: Sequence[Rule[FactsT]], facts: FactsT, answer: object) -> None:
        """Return if every rule holds.

        Raises:
            GuardError: with the first that does not.
        """
        broken = first_broken(rules, facts)
        if broken is not None:
            self.refuse(broken.rule, broken.fault, answer)

    def warn_once(self, mark: str, sentence: str) -> None:
        """Log a warning, once per ``mark``: leaves come by the thousand."""
        if mark not in self._warned:
            self._warned.add(mark)
            self._logger.warning("provider %r, signer %s: %s", self.name, mark, sentence)

    def refuse(self, rule: str, fault: str, answer: object) -> NoReturn:
        """Count a violation and raise it; a certificate lends its fingerprint."""
        mark = fingerprint(answer) if isinstance(answer, x509.Certificate) else ""
        error = GuardError(fault, provider=self.name, rule=rule, certificate=mark)
        self._on_violation(error)
        self._logger.error("%s", error)
        raise error


def _method(call: Callable[..., object]) -> str:
    return getattr(call, "__name__", type(call).__name__)


def place_of(error: Exception) -> str:
    """Return file name and line where an exception was raised; its text may hold a secret."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return "an unknown place"
    return f"{frame.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.tb_lineno}"
