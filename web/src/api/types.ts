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
export type ClusterChange = Schemas["ClusterChange"];
export type Platform = Schemas["Platform"];
export type ClusterType = Schemas["ClusterType"];
export type Environment = Schemas["Environment"];
export type CredentialKind = Schemas["CredentialKind"];
export type Capabilities = Schemas["Capabilities"];
export type HealthPoint = Schemas["HealthPoint"];
export type EndpointStatus = Schemas["EndpointStatus"];
export type Credentials = NonNullable<Schemas["NewCluster"]["credentials"]>;
export type CredentialsShown = Schemas["CredentialsShown"];
export type CredentialsTried = Schemas["CredentialsTried"];
export type EndpointTrial = Schemas["EndpointTrial"];
export type ImportSource = Schemas["ImportSource"];
export type FoundClusters = Schemas["FoundClusters"];
export type ImportOutcome = Schemas["ImportOutcome"];
export type Suggestions = Schemas["Suggestions"];
export type ConnectionAsk = Schemas["ConnectionTest"];
export type ConnectionTest = Schemas["Diagnosis"];
export type Offer = Schemas["Offer"];

export type ClusterOutcome = Schemas["ClusterOutcome"];
export type Names = Schemas["LabelNames"] & Schemas["LabelValues"] & Schemas["MetadataFound"];
export type InstantResult = Schemas["InstantResult"];
export type RangeSeries = Schemas["RangeSeries"];
export type RangeResult = Schemas["RangeResult"];

export type Panel = Schemas["Panel"];
export type Dashboard = Schemas["Dashboard"];
export type DashboardWish = Schemas["DashboardWish"];

export type Alert = Schemas["ListedAlert"];
export type SavedFilter = Schemas["SavedFilter"];
export type AlertStatus = Schemas["AlertStatus"];
export type AlertCounts = Schemas["AlertCounts"];
export type AlertGroup = Schemas["AlertGroup"];
export type TimelineEntry = Schemas["TimelineEntry"];
export type AlertPlace = Schemas["AlertPlace"];
export type AlertsPlaced = Schemas["AlertsPlaced"];
export type IncidentBrief = Schemas["IncidentBrief"];
export type IncidentGroup = Schemas["IncidentGroup"];
export type Handled = Schemas["Handled"];

export type Expected = Schemas["ExpectationReply"];
export type Anomaly = Schemas["AnomalyReply"];

export type IncidentSummary = Schemas["IncidentReply"];
export type Incident = Schemas["IncidentDetailReply"];
export type Cause = Schemas["CauseReply"];
export type Evidence = Schemas["Evidence"];

export type Source = Schemas["PushSource"];
export type NewSource = Schemas["NewSource"];

export type ErrorEnvelope = Schemas["ErrorEnvelope"];
