import { useNavigate, useSearch } from "@tanstack/react-router";
import { Page, PageHead } from "../../ui/page";
import { Forecasts } from "./Forecasts";

export function InsightsPage() {
  const { cluster, open } = useSearch({ from: "/shell/insights" });
  const navigate = useNavigate({ from: "/insights" });
  return (
    <Page>
      <PageHead title="Insights" />
      <Forecasts
        clusterId={cluster}
        open={open}
        onOpen={(id) => void navigate({ search: (old) => ({ ...old, open: id }), replace: true })}
      />
    </Page>
  );
}
