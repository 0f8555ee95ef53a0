import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import { clusters, incidents } from "../api/queries";
import { PAGES } from "./pages";
import { setTheme, useTheme } from "./store";

const ITEM = "flex h-8 items-center gap-2 rounded px-2 data-[selected=true]:bg-raised";
const HEADING = "[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:py-1 [&_[cmdk-group-heading]]:text-meta [&_[cmdk-group-heading]]:text-muted";

export default function Palette({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const theme = useTheme();
  const fleet = useQuery(clusters);
  const recent = useQuery(incidents());
  const run = (action: () => unknown) => () => {
    onClose();
    void action();
  };
  return (
    <Command.Dialog
      open
      onOpenChange={(open) => (open ? undefined : onClose())}
      label="Search or go to"
      overlayClassName="fixed inset-0 z-40 bg-black/50"
      contentClassName="fixed top-[12vh] left-1/2 z-50 w-[min(560px,94vw)] -translate-x-1/2 overflow-hidden rounded-md border border-control bg-panel shadow-xl"
    >
      <Command.Input
        placeholder="A page, a cluster, an incident"
        className="h-11 w-full border-b border-line bg-panel px-4 text-[14px] outline-none"
      />
      <Command.List className="max-h-[50vh] overflow-y-auto p-1">
        <Command.Empty className="p-4 text-center text-muted">Nothing is called so.</Command.Empty>
        <Command.Group heading="Pages" className={HEADING}>
          {PAGES.map((page) => (
            <Command.Item key={page.to} className={ITEM} onSelect={run(() => navigate({ to: page.to }))}>
              {page.name}
            </Command.Item>
          ))}
          <Command.Item className={ITEM} onSelect={run(() => setTheme(theme === "dark" ? "light" : "dark"))}>
            Switch to the {theme === "dark" ? "light" : "dark"} theme
          </Command.Item>
        </Command.Group>
        <Command.Group heading="Clusters" className={HEADING}>
          {fleet.data?.map((cluster) => (
            <Command.Item
              key={cluster.id}
              value={`${cluster.name} ${cluster.display_name} ${cluster.id}`}
              className={ITEM}
              onSelect={run(() => navigate({ to: "/fleet/$clusterId", params: { clusterId: cluster.id } }))}
            >
              <span className="font-mono">{cluster.name}</span>
              <span className="text-muted">{cluster.display_name}</span>
            </Command.Item>
          ))}
        </Command.Group>
        <Command.Group heading="Incidents" className={HEADING}>
          {recent.data?.items.slice(0, 20).map((one) => (
            <Command.Item
              key={one.id}
              value={`${one.key} ${one.title}`}
              className={ITEM}
              onSelect={run(() => navigate({ to: "/incidents/$incidentId", params: { incidentId: one.id } }))}
            >
              <span className="font-mono text-muted">{one.key}</span>
              <span className="truncate">{one.title}</span>
            </Command.Item>
          ))}
        </Command.Group>
      </Command.List>
    </Command.Dialog>
  );
}
