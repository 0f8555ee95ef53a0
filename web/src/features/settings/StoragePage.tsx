import { useQuery } from "@tanstack/react-query";
import { storage } from "../../api/overview";
import { formatValue, plural } from "../../lib/format";
import { QueryFailure, Skeleton } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";

/** What the hub keeps, how much of it, and for how long. */
export function StoragePage() {
  const found = useQuery(storage);
  return (
    <Page>
      <PageHead title="Storage" note={found.data ? `${formatValue(found.data.database_bytes, "bytes")} in all` : null} />
      <QueryFailure what="Reading the sizes" query={found} />
      {found.isPending ? <Skeleton rows={8} /> : null}
      {found.data ? (
        <div className="grid grid-cols-[minmax(0,1fr)] gap-4 xl:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
          <section aria-label="Tables">
            <h2 className="mb-1 font-semibold">Tables, the largest first</h2>
            <div className="panel overflow-x-auto">
              <table className="table">
                <thead>
                  <tr>
                    <th scope="col">Table</th>
                    <th scope="col" className="text-right">
                      Rows, about
                    </th>
                    <th scope="col" className="text-right">
                      Size with indexes
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {found.data.tables.slice(0, 40).map((one) => (
                    <tr key={`${one.schema}.${one.name}`}>
                      <td className="font-mono">
                        {one.schema}.{one.name}
                        {one.parts > 1 ? <span className="text-muted"> in {plural(one.parts, "part")}</span> : null}
                      </td>
                      <td className="text-right tabular-nums">{one.rows.toLocaleString("en")}</td>
                      <td className="text-right tabular-nums">{formatValue(one.bytes, "bytes")}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </section>
          <section aria-label="Kept for">
            <h2 className="mb-1 font-semibold">Kept for</h2>
            <dl className="panel divide-y divide-line">
              {found.data.kept.map(({ what, days }) => (
                <div key={what} className="flex h-8 items-center px-3">
                  <dt className="flex-1">{what}</dt>
                  <dd>{plural(days, "day")}</dd>
                </div>
              ))}
            </dl>
            <p className="mt-1 text-meta text-muted">
              Settings named <code className="font-mono">…_retention_days</code> change this: <code className="font-mono">aiops --help</code>.
            </p>
          </section>
        </div>
      ) : null}
    </Page>
  );
}
