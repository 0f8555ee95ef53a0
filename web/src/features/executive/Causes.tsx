import { useQuery } from "@tanstack/react-query";
import { causeAccuracy } from "../../api/analysis";
import { QueryFailure, SkeletonBlock } from "../../ui/feedback";
import { causeWords } from "./words";

/** How often the ranked causes were right, by what people said of them. */
export function Causes() {
  const query = useQuery(causeAccuracy);
  return (
    <section aria-label="Ranked causes">
      <h2 className="mb-1 font-semibold">Were the causes right?</h2>
      <QueryFailure what="Reading what people said of causes" query={query} />
      {query.isPending ? <SkeletonBlock height={48} /> : null}
      {query.data ? <p className="panel p-3">{causeWords(query.data)}</p> : null}
    </section>
  );
}
