/** The shapes of the hub's API that the console reads. */

export type Severity = "CRITICAL" | "HIGH" | "MEDIUM" | "LOW" | "INFO";
export type ClusterState = "ONLINE" | "OFFLINE" | "DEGRADED" | "UNKNOWN" | "PROVISIONING";
export type AlertState = "FIRING" | "RESOLVED" | "PENDING";
export type IncidentStatus = "OPEN" | "ACKNOWLEDGED" | "MITIGATED" | "RESOLVED" | "FALSE_POSITIVE";
export type Labels = Record<string, string>;

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
  total: number;
}

export interface User {
  id: string;
  username: string;
  role: "admin" | "operator" | "viewer";
  clusters: string[] | null;
  must_change_password: boolean;
}

export interface EndpointStatus {
  ok: boolean;
  checked_at: string;
  latency_ms?: number | null;
  error?: string | null;
}

export interface ClusterStatus {
  state: ClusterState;
  connectivity: "CONNECTED" | "DISCONNECTED" | "INTERMITTENT";
  health_score: number | null;
  endpoints: Record<string, EndpointStatus>;
  checked_at: string | null;
}

export interface Cluster {
  id: string;
  name: string;
  display_name: string;
  cluster_type: string;
  platform: string;
  environment: string;
  region: string | null;
  labels: Labels;
  prometheus_url: string | null;
  status: ClusterStatus;
  created_at: string;
  updated_at: string;
  last_seen_at: string | null;
}

export interface ClusterDraft {
  name?: string;
  display_name?: string;
  environment?: string;
  cluster_type?: string;
  region?: string;
  prometheus_url?: string;
  bearer_token?: string;
  username?: string;
  password?: string;
}

export interface ConnectionTest {
  ok: boolean;
  steps: { name: string; ok: boolean; detail: string }[];
}

export interface Offer {
  name: string;
  prometheus_url: string;
  version: string;
}

export interface FleetSummary {
  total: number;
  by_state: Partial<Record<ClusterState, number>>;
}

export interface ClusterOutcome {
  cluster_id: string;
  cluster: string;
  status: "SUCCESS" | "ERROR" | "TIMEOUT" | "PARTIAL";
  latency_ms: number;
  error?: string | null;
}

export interface RangeSeries {
  metric: Labels;
  values: [number, string][];
}

export interface RangeResult {
  series: RangeSeries[];
  clusters: ClusterOutcome[];
}

export interface Alert {
  cluster_id: string;
  cluster?: string;
  fingerprint: string;
  name: string;
  severity: Severity;
  sender_severity: string | null;
  state: AlertState;
  labels: Labels;
  annotations: Labels;
  starts_at: string;
  ends_at: string | null;
  generator_url: string | null;
  occurrences: number;
  received_at: string;
}

export interface AlertChange {
  at: string;
  state: AlertState;
  severity?: Severity;
}

export interface Expected {
  cluster_id: string;
  cluster: string;
  watch: string;
  title: string;
  unit: string;
  labels: Labels;
  at: string;
  value: number;
  expected: number | null;
  lower: number | null;
  upper: number | null;
  learning: { seen: number; needed: number } | null;
  anomaly_id: string | null;
  dropped: number;
}

export interface Anomaly {
  id: string;
  cluster_id: string;
  cluster: string;
  watch: string;
  title: string;
  unit: string;
  labels: Labels;
  kind: string;
  severity: Severity;
  score: number;
  value: number;
  expected: number;
  lower: number;
  upper: number | null;
  deviation_percent: number | null;
  explanation: string;
  started_at: string;
  detected_at: string;
  ended_at: string | null;
  query: string;
  incident_id: string | null;
}

export interface IncidentSummary {
  id: string;
  key: string;
  title: string;
  severity: Severity;
  status: IncidentStatus;
  clusters: { id: string; name: string }[];
  detected_at: string;
  acknowledged_at: string | null;
  resolved_at: string | null;
  anomaly_count: number;
  alert_count: number;
}

export interface Evidence {
  title: string;
  query: string;
  cluster_id: string;
  start: string;
  end: string;
  step_s: number;
  finding: string;
}

export interface Cause {
  rank: number;
  title: string;
  cluster_id: string;
  cluster: string;
  watch?: string | null;
  alert_fingerprint?: string | null;
  labels: Labels;
  confidence: number;
  moved_at: string;
  reasons: string[];
  evidence: Evidence[];
}

export interface TimelineEntry {
  at: string;
  kind: string;
  text: string;
}

/** An alert as a member of an incident. */
export interface MemberAlert {
  cluster_id: string;
  cluster: string;
  fingerprint: string;
  name: string;
  severity: Severity;
  labels: Labels;
  started_at: string;
  ended_at: string | null;
}

export interface Incident extends IncidentSummary {
  causes: Cause[];
  /** Why there is no cause, or what the ranking could not see. */
  causes_note?: string | null;
  timeline: TimelineEntry[];
  anomalies: Anomaly[];
  alerts: MemberAlert[];
}

export interface Source {
  id: string;
  name: string;
  cluster_id: string;
  cluster?: string;
  created_at?: string;
  last_used_at?: string | null;
}

export interface NewSource extends Source {
  token: string;
}

export interface ErrorEnvelope {
  error: {
    code: string;
    message: string;
    service?: string;
    trace_id?: string;
    timestamp?: string;
    details?: Record<string, unknown>;
  };
}
