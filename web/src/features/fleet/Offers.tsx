import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../../api/client";
import { offers } from "../../api/queries";
import type { Cluster, Offer } from "../../api/types";
import { Failure } from "../../ui/feedback";

/** What the hub has seen on its own machine, and would watch. */
export function Offers() {
  const seen = useQuery({ ...offers, retry: false });
  return seen.data?.offers.map((offer) => <OfferNote key={offer.prometheus_url} offer={offer} />);
}

function OfferNote({ offer }: { offer: Offer }) {
  const client = useQueryClient();
  const add = useMutation({
    mutationFn: () =>
      call<Cluster>("clusters", { method: "POST", body: { name: offer.name, prometheus_url: offer.prometheus_url } }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["clusters"] });
      void client.invalidateQueries({ queryKey: ["offers"] });
    },
  });
  if (add.isError)
    return <Failure what={`Adding ${offer.prometheus_url}`} error={add.error} retry={() => add.mutate()} />;
  return (
    <div className="panel flex flex-wrap items-center gap-x-3 gap-y-2 border-accent px-3 py-2">
      <span>
        A Prometheus {offer.version} answers at <span className="font-mono">{offer.prometheus_url}</span>. Watch it as{" "}
        <span className="font-mono">{offer.name}</span>?
      </span>
      <button
        type="button"
        className="button button-primary ml-auto h-7"
        disabled={add.isPending}
        onClick={() => add.mutate()}
      >
        {add.isPending ? "Adding…" : "Add it"}
      </button>
    </div>
  );
}
