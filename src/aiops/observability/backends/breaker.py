"""A circuit breaker: an endpoint that keeps failing is left alone for a while."""

from __future__ import annotations

from aiops.kernel.clock import Clock


class Breaker:
    """Opens after `threshold` failures in a row; after `recovery_s` lets `trials` requests through at a time.

    A success closes it, a failure in that state opens it again.
    """

    def __init__(self, clock: Clock, *, threshold: int = 10, recovery_s: float = 60.0, trials: int = 5) -> None:
        self._clock = clock
        self._threshold = threshold
        self._recovery_s = recovery_s
        self._trials = trials
        self._failures = 0
        self._opened_at: float | None = None
        self._trying = 0

    @property
    def closed(self) -> bool:
        """Nothing speaks against asking as usual."""
        return self._opened_at is None

    def admit(self) -> bool:
        """Whether a request may go out; one that is admitted is answered by one of the three methods below."""
        if self._opened_at is None:
            return True
        if self._clock.monotonic() - self._opened_at < self._recovery_s or self._trying >= self._trials:
            return False
        self._trying += 1
        return True

    def succeeded(self) -> None:
        self._failures = 0
        self._opened_at = None
        self._trying = 0

    def failed(self) -> None:
        self._failures += 1
        if self._opened_at is not None or self._failures >= self._threshold:
            self._opened_at = self._clock.monotonic()
        self._trying = max(0, self._trying - 1)

    def abandoned(self) -> None:
        """The request was cancelled: it says nothing about the endpoint."""
        self._trying = max(0, self._trying - 1)

    def retry_after_s(self) -> float:
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._recovery_s - (self._clock.monotonic() - self._opened_at))
