"""Certificates, by the seconds until they expire: the clock alone runs them down, so no model is asked."""

from __future__ import annotations

from aiops.intelligence.domain.predictions import DAY_S, Target


def _expiry(name: str, query: str, labels: tuple[str, ...]) -> Target:
    return Target(
        name, "Certificate", "seconds", query, 0.0, 21 * DAY_S, labels, "expires", upward=False, countdown=True
    )


CERTIFICATES = (
    _expiry("certificate_probed", "min by (instance) (probe_ssl_earliest_cert_expiry) - time()", ("instance",)),
    _expiry(
        "certificate_issued",
        "min by (namespace, name) (certmanager_certificate_expiration_timestamp_seconds) - time()",
        ("namespace", "name"),
    ),
    _expiry(
        "certificate_found",
        "min by (subject_CN, filepath, secret_namespace, secret_name) (x509_cert_not_after) - time()",
        ("secret_namespace", "secret_name", "filepath", "subject_CN"),
    ),
)
