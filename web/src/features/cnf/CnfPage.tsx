import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { clusters } from "../../api/queries";
import { SearchField } from "../../ui/filters";
import { Page, PageHead } from "../../ui/page";
import { ClusterPicker } from "../metrics/ClusterPicker";
import { Clocks, Cards, Ports, Workloads } from "./sections";

const VIEWS = { ptp: "PTP clocks", sriov: "SR-IOV", dpdk: "DPDK", workloads: "Workloads" } as const;
export type CnfView = keyof typeof VIEWS;

const SECTIONS = { ptp: Clocks, sriov: Cards, dpdk: Ports, workloads: Workloads };

export function CnfPage() {
  const search = useSearch({ from: "/shell/cnf" });
  const navigate = useNavigate({ from: "/cnf" });
  const fleet = useQuery(clusters);
  const view = search.view ?? "ptp";
  const Section = SECTIONS[view];
  return (
    <Page>
      <PageHead title="Network functions">
        <SearchField
          label="Find"
          value={search.q}
          onChange={(q) => void navigate({ search: (old) => ({ ...old, q }), replace: true })}
        />
        <ClusterPicker
          clusters={fleet.data ?? []}
          chosen={search.clusters ?? []}
          onChange={(chosen) => void navigate({ search: (old) => ({ ...old, clusters: chosen.length ? chosen : undefined }) })}
        />
      </PageHead>
      <div role="group" aria-label="What is shown" className="mb-3 flex flex-wrap">
        {(Object.keys(VIEWS) as CnfView[]).map((one) => (
          <button
            key={one}
            type="button"
            aria-pressed={view === one}
            className={`button -ml-px rounded-none first:ml-0 first:rounded-l last:rounded-r ${view === one ? "bg-raised font-medium" : ""}`}
            onClick={() => void navigate({ search: (old) => ({ ...old, view: one === "ptp" ? undefined : one }) })}
          >
            {VIEWS[one]}
          </button>
        ))}
      </div>
      <Section clusterIds={search.clusters} words={(search.q ?? "").toLowerCase()} />
    </Page>
  );
}
