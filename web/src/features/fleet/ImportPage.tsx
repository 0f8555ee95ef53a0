import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { me } from "../../api/queries";
import { Empty } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { ImportKubeconfig } from "./ImportKubeconfig";
import { ImportSourceForm } from "./ImportSourceForm";

const WAYS = [
  { key: "kubeconfig", name: "Kubeconfig", note: "Paste one and choose among its contexts" },
  { key: "ACM", name: "Red Hat ACM", note: "The clusters that a hub of ACM manages" },
  { key: "SHARED_PROMETHEUS", name: "Thanos or Mimir", note: "Carve the clusters out of one that holds many, by a label" },
] as const;

type Way = (typeof WAYS)[number]["key"];

export function ImportPage() {
  const user = useQuery(me);
  const [way, setWay] = useState<Way>("kubeconfig");
  const may = user.data?.role === "admin" && user.data.clusters === null;
  return (
    <Page>
      <PageHead title="Import clusters">
        <Link to="/fleet" className="button">
          Back to the fleet
        </Link>
      </PageHead>
      {may ? (
        <div className="max-w-4xl space-y-3">
          <div role="radiogroup" aria-label="From where" className="grid gap-2 sm:grid-cols-3">
            {WAYS.map((one) => (
              <label
                key={one.key}
                className={`panel flex cursor-pointer gap-2 p-3 hover:bg-raised ${way === one.key ? "border-accent" : ""}`}
              >
                <input
                  type="radio"
                  name="way"
                  className="mt-0.5 size-4 shrink-0 accent-accent"
                  checked={way === one.key}
                  onChange={() => setWay(one.key)}
                />
                <span>
                  <span className="block font-medium">{one.name}</span>
                  <span className="block text-muted">{one.note}</span>
                </span>
              </label>
            ))}
          </div>
          {way === "kubeconfig" ? <ImportKubeconfig /> : <ImportSourceForm key={way} kind={way} />}
          <p className="text-muted">
            A fleet that lives in Git is applied from the command line: <code>aiops cluster apply -f fleet.yaml</code>
          </p>
        </div>
      ) : (
        <div className="panel">
          <Empty title="Only an admin of the whole fleet imports clusters">Ask one of them.</Empty>
        </div>
      )}
    </Page>
  );
}
