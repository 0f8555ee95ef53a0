import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type NodeFilters, topologyNodes } from "../../api/topology";
import { Empty, QueryFailure, Skeleton } from "../../ui/feedback";
import { SeverityMark } from "../../ui/marks";
import { whatIs } from "./words";

/** Nodes by name, each a link to its place in the graph. */
export function NodeRows({ filters, empty }: { filters: NodeFilters; empty: string }) {
  const nodes = useInfiniteQuery(topologyNodes(filters));
  const items = nodes.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <QueryFailure what="Reading the nodes" query={nodes} />
      {nodes.isPending ? <Skeleton rows={8} /> : null}
      {nodes.data && !items.length ? <Empty title={empty} /> : null}
      <ul>
        {items.map((node) => (
          <li key={node.id} className="border-b border-line last:border-0">
            <Link
              to="/topology"
              search={(old) => ({ ...old, node: node.id })}
              className="flex min-h-8 flex-wrap items-center gap-x-3 px-3 py-1 hover:bg-raised"
            >
              <span className="min-w-0 font-medium break-words">{node.name}</span>
              <span className="text-muted">{whatIs(node)}</span>
              {node.trouble ? (
                <span className="ml-auto flex items-center gap-2">
                  <SeverityMark severity={node.trouble.severity} />
                  <span className="text-muted">{node.trouble.names[0]}</span>
                </span>
              ) : null}
            </Link>
          </li>
        ))}
      </ul>
      {nodes.hasNextPage ? (
        <button
          type="button"
          className="button m-3"
          disabled={nodes.isFetchingNextPage}
          onClick={() => void nodes.fetchNextPage()}
        >
          Show more of {nodes.data?.pages[0]?.total}
        </button>
      ) : null}
    </>
  );
}
