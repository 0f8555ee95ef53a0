import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type TopologyGraph, type TopologyNode, topologyImpact, topologyNode } from "../../api/topology";
import { plural } from "../../lib/format";
import { ago } from "../../lib/time";
import { useNow } from "../../shell/store";
import { QueryFailure, Skeleton } from "../../ui/feedback";
import { SeverityMark } from "../../ui/marks";
import { kindOf, wayOf, whatIs } from "./words";

const LISTED = 12;

/** One node in words: what is wrong with it, what a failure of it touches, what it needs, and who tells of it. */
export function NodePanel({ id, graph }: { id: string; graph: TopologyGraph | undefined }) {
  const detail = useQuery(topologyNode(id));
  if (detail.isError) return <QueryFailure what="Reading this node" query={detail} />;
  if (!detail.data) return <Skeleton rows={8} />;
  const { node, origins, matchers } = detail.data;
  return (
    <div className="space-y-4 p-3">
      <div>
        <h2 className="text-[15px] font-semibold break-words">{node.name}</h2>
        <p className="text-muted">
          {whatIs({ ...node, cluster: null })}
          {node.cluster_id ? (
            <>
              {" in "}
              <Link to="/fleet/$clusterId" params={{ clusterId: node.cluster_id }} className="link">
                {node.cluster}
              </Link>
            </>
          ) : (
            ", of no one cluster"
          )}
        </p>
      </div>
      <Wrong node={node} />
      <Impact id={id} />
      <Near title="Needs" id={id} graph={graph} from="source" to="target" />
      <Near title="Needed by" id={id} graph={graph} from="target" to="source" />
      <Facts attributes={node.attributes} matchers={matchers} />
      <Origins origins={origins} />
    </div>
  );
}

function Heading({ children }: { children: React.ReactNode }) {
  return <h3 className="mb-1 text-meta font-medium text-muted">{children}</h3>;
}

function Wrong({ node }: { node: TopologyNode }) {
  const { trouble } = node;
  if (!trouble) return <p className="text-muted">No open alert or anomaly names it.</p>;
  return (
    <div>
      <Heading>Wrong now</Heading>
      <p className="flex flex-wrap items-center gap-x-2">
        <SeverityMark severity={trouble.severity} /> {plural(trouble.signs, "open sign")}: {trouble.names.join(", ")}
        {trouble.signs > trouble.names.length ? " …" : ""}
      </p>
      {trouble.incidents.map((incident, at) => (
        <Link key={incident} to="/incidents/$incidentId" params={{ incidentId: incident }} className="link mr-3">
          {trouble.incidents.length > 1 ? `Incident ${at + 1}` : "Its incident"}
        </Link>
      ))}
    </div>
  );
}

function Impact({ id }: { id: string }) {
  const impact = useQuery(topologyImpact(id));
  if (!impact.data) return impact.isError ? <QueryFailure what="Reading what needs it" query={impact} /> : null;
  const { total, kinds, clusters } = impact.data;
  const names = Object.entries(clusters).toSorted(([, a], [, b]) => b - a);
  return (
    <div>
      <Heading>A failure may touch</Heading>
      {total ? (
        <p>
          {Object.entries(kinds)
            .map(([kind, count]) => `${count} ${kindOf(kind, count > 1).toLowerCase()}`)
            .join(", ")}
          {names.length ? ` in ${names.slice(0, 4).map(([name]) => name).join(", ")}` : ""}
          {names.length > 4 ? ` and ${names.length - 4} more clusters` : ""}
        </p>
      ) : (
        <p className="text-muted">nothing that is known: no other node needs it.</p>
      )}
    </div>
  );
}

interface NearProps {
  title: string;
  id: string;
  graph: TopologyGraph | undefined;
  from: "source" | "target";
  to: "source" | "target";
}

function Near({ title, id, graph, from, to }: NearProps) {
  const names = new Map(graph?.nodes.map(({ node }) => [node.id, node]));
  const found = (graph?.edges ?? [])
    .filter((edge) => edge[from] === id)
    .flatMap((edge) => {
      const node = names.get(edge[to]);
      return node ? [{ node, kind: edge.kind }] : [];
    });
  if (!found.length) return null;
  return (
    <div>
      <Heading>
        {title} ({found.length})
      </Heading>
      <ul>
        {found.slice(0, LISTED).map(({ node, kind }) => (
          <li key={`${node.id} ${kind}`} className="flex items-center gap-2">
            <Link to="/topology" search={(old) => ({ ...old, node: node.id })} className="link min-w-0 truncate" title={whatIs(node)}>
              {node.name}
            </Link>
            <span className="shrink-0 text-meta text-muted">{[wayOf(kind), node.cluster].filter(Boolean).join(", ")}</span>
            {node.trouble ? <SeverityMark severity={node.trouble.severity} /> : null}
          </li>
        ))}
      </ul>
      {found.length > LISTED ? <p className="text-muted">and {found.length - LISTED} more in the graph</p> : null}
    </div>
  );
}

function Facts({ attributes, matchers }: { attributes: Record<string, string>; matchers: Record<string, string>[] }) {
  const facts = Object.entries(attributes);
  if (!facts.length && !matchers.length) return null;
  return (
    <div>
      <Heading>What is known of it</Heading>
      <dl className="space-y-0.5">
        {facts.map(([name, value]) => (
          <div key={name} className="flex gap-2">
            <dt className="text-muted">{name.replaceAll("_", " ")}</dt>
            <dd className="min-w-0 font-mono break-words">{value}</dd>
          </div>
        ))}
        {matchers.map((labels) => {
          const told = Object.entries(labels).map(([name, value]) => `${name}="${value}"`).join(", ");
          return (
            <div key={told} className="flex gap-2">
              <dt className="text-muted">named by</dt>
              <dd className="min-w-0 font-mono break-words">{told}</dd>
            </div>
          );
        })}
      </dl>
    </div>
  );
}

function Origins({ origins }: { origins: { origin: string; first_seen: string; last_seen: string | null }[] }) {
  const now = useNow();
  return (
    <div>
      <Heading>Told by</Heading>
      <ul>
        {origins.map(({ origin, first_seen, last_seen }) => (
          <li key={origin}>
            <span className="font-mono">{origin}</span>{" "}
            <span className="text-muted">
              since {ago(first_seen, now)}, last {last_seen ? ago(last_seen, now) : "never"}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
