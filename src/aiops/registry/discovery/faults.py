"""What can go wrong between the hub and a Kubernetes API, each told apart because each asks for something else.

KubernetesFault
├── Unreached       no answer: address, DNS, connection, TLS (`step`)
├── NotKubernetes   something else answers there
├── NotSignedIn     401: the credentials are missing, wrong or expired
├── Forbidden       403: they lack a right
├── Missing         404: no such object, or no such kind of object
├── Expired         410: a page of a list that is no longer held
├── Busy            429 or 503: ask again later
└── Refused         any other refusal, with what the API said
"""

from __future__ import annotations

from aiops.kernel.errors import AiopsError, Invalid, Unavailable

UNREACHABLE = "CLUSTER_UNREACHABLE"


class KubernetesFault(Exception):
    """`detail` is for people; `transient` says that the same request may succeed with nothing changed."""

    def __init__(self, detail: str, *, transient: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.transient = transient

    def stated(self) -> AiopsError:
        """The same as an error of the hub, whose caller either waits or changes something."""
        if self.transient:
            return Unavailable(self._sentence, code=UNREACHABLE)
        return Invalid(self._sentence)

    @property
    def _sentence(self) -> str:
        return self.detail if self.detail.endswith("?") else f"{self.detail}."


class Unreached(KubernetesFault):
    def __init__(self, step: str, detail: str, *, transient: bool) -> None:
        super().__init__(detail, transient=transient)
        self.step = step


class NotKubernetes(KubernetesFault):
    pass


class NotSignedIn(KubernetesFault):
    pass


class Forbidden(KubernetesFault):
    pass


class Missing(KubernetesFault):
    pass


class Expired(KubernetesFault):
    """410: a list can't be read on from where it was; `token` reads on without a consistent view, if there is one."""

    def __init__(self, detail: str, token: str | None) -> None:
        super().__init__(detail, transient=True)
        self.token = token


class Busy(KubernetesFault):
    def __init__(self, detail: str, retry_after_s: float | None) -> None:
        super().__init__(detail, transient=True)
        self.retry_after_s = retry_after_s


class Refused(KubernetesFault):
    pass
