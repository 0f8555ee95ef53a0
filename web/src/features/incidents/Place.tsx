import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Suspense, lazy } from "react";
import { incidentTopology } from "../../api/topology";
import { QueryFailure, SkeletonBlock } from "../../ui/feedback";

// The drawing is large, and not every incident has one.
const GraphView = lazy(async () => ({ default: (await import("../topology/GraphView")).GraphView }));

/** Where the incident lies in the topology: the likeliest cause, what it struck, and what ties these together. */
export function Place({ incidentId }: { incidentId: string }) {
  const query = useQuery(incidentTopology(incidentId));
  const found = query.data;
  const [cause] = found?.causes ?? [];
  return (
    <section className="panel p-3" aria-label="What depends on what">
      <h2 className="mb-1 font-semibold">What depends on what</h2>
      <QueryFailure what="Reading the topology" query={query} />
      {query.isPending ? <SkeletonBlock height={300} /> : null}
      {found?.graph.nodes.length ? (
        <>
          <div className="h-[300px] overflow-hidden rounded border border-line">
            <Suspense fallback={<SkeletonBlock height={300} />}>
              <GraphView
                graph={found.graph}
                label="The likely cause, what it struck, and what ties them together"
                chosen={cause}
                marks={marksOf(found.causes, found.struck)}
                down
              />
            </Suspense>
          </div>
          <p className="mt-1 text-meta text-muted">An arrow points to what is needed.{found.graph.more ? " There is more than is drawn." : ""}</p>
        </>
      ) : found ? (
        <p className="text-muted">
          The topology knows none of what this incident is about.{" "}
          <Link to="/topology" className="link underline">
            See what it knows
          </Link>
        </p>
      ) : null}
    </section>
  );
}

/** What is said at a node: the cause before that it is struck. */
export function marksOf(causes: readonly string[], struck: readonly string[]): ReadonlyMap<string, string> {
  const [first] = causes;
  const marks = new Map(struck.map((id) => [id, "struck"]));
  if (first) marks.set(first, "likely cause");
  return marks;
}
