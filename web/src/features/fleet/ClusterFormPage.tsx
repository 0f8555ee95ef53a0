import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { clusters, me } from "../../api/queries";
import { Empty, Skeleton } from "../../ui/feedback";
import { Page, PageHead } from "../../ui/page";
import { ClusterForm } from "./ClusterForm";

export function AddClusterPage() {
  const navigate = useNavigate();
  const user = useQuery(me);
  const may = user.data?.role === "admin" && user.data.clusters === null;
  return (
    <Page>
      <PageHead title="Add cluster" note={may ? "The address of its Prometheus is enough; nodes and services are watched at once." : null}>
        {may ? (
          <Link to="/fleet/import" className="button">
            Import many instead
          </Link>
        ) : null}
      </PageHead>
      {may ? (
        <ClusterForm
          rights="all"
          onDone={(id) => void navigate(id ? { to: "/fleet/$clusterId", params: { clusterId: id } } : { to: "/fleet" })}
        />
      ) : (
        <div className="panel">
          <Empty title="Only an admin of the whole fleet adds clusters">Ask one of them, with the address of its Prometheus.</Empty>
        </div>
      )}
    </Page>
  );
}

export function EditClusterPage() {
  const { clusterId } = useParams({ from: "/shell/fleet/$clusterId/edit" });
  const navigate = useNavigate();
  const fleet = useQuery(clusters);
  const user = useQuery(me);
  const cluster = fleet.data?.find(({ id }) => id === clusterId);
  const back = () => void navigate({ to: "/fleet/$clusterId", params: { clusterId } });
  return (
    <Page>
      {fleet.isPending || user.isPending ? (
        <Skeleton rows={8} />
      ) : cluster && user.data?.role !== "viewer" ? (
        <>
          <PageHead title={`Change ${cluster.name}`} />
          <ClusterForm
            key={cluster.id}
            cluster={cluster}
            rights={user.data?.role === "admin" ? "all" : "description"}
            onDone={back}
          />
        </>
      ) : (
        <div className="panel">
          <PageHead title="Change a cluster" />
          <Empty title="This cluster is not yours to change">
            <Link to="/fleet" className="link">
              Go to the fleet
            </Link>
          </Empty>
        </div>
      )}
    </Page>
  );
}
