/** Names for the shapes of the hub's API, all taken from its generated OpenAPI types. */

import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type Severity = Schemas["Severity"];
export type ClusterState = Schemas["State"];
export type IncidentStatus = Schemas["Status"];
export type Labels = Record<string, string>;

/** What every list of the hub gives. */
export type Page<T> = Omit<Schemas["ClusterPage"], "items"> & { items: T[] };

export type User = Schemas["User"];

export type Cluster = Schemas["Cluster"];
export type ClusterDraft = Partial<Schemas["NewCluster"]>;
export type ConnectionTest = Schemas["Diagnosis"];
export type Offer = Schemas["Offer"];

export type ClusterOutcome = Schemas["ClusterOutcome"];
export type RangeSeries = Schemas["RangeSeries"];
export type RangeResult = Schemas["RangeResult"];

export type Alert = Schemas["ListedAlert"];
export type AlertChange = Schemas["AlertChange"];

export type Expected = Schemas["ExpectationReply"];
export type Anomaly = Schemas["AnomalyReply"];

export type IncidentSummary = Schemas["IncidentReply"];
export type Incident = Schemas["IncidentDetailReply"];
export type Cause = Schemas["CauseReply"];
export type Evidence = Schemas["Evidence"];

export type Source = Schemas["PushSource"];
export type NewSource = Schemas["NewSource"];

export type ErrorEnvelope = Schemas["ErrorEnvelope"];
