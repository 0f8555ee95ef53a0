import { Link } from "@tanstack/react-router";
import { Failure } from "../ui/feedback";

export function Problem({ error, reset }: { error: unknown; reset: () => void }) {
  return (
    <div className="mx-auto max-w-2xl p-8">
      <h1 className="mb-3 text-title font-semibold">This page could not be shown</h1>
      <Failure
        what="Opening the page"
        error={error}
        retry={() => {
          reset();
          location.reload();
        }}
      />
    </div>
  );
}

export function NotFound() {
  return (
    <main className="mx-auto max-w-2xl p-8">
      <h1 className="text-title font-semibold">There is no such page</h1>
      <p className="mt-1">
        <Link to="/fleet" className="link">
          Go to the fleet
        </Link>
      </p>
    </main>
  );
}
