"""Owns findings: anomalies, the incidents that gather them, and the ranked causes."""
