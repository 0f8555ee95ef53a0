import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/client";
import { me } from "./api/queries";
import { makeRouter } from "./router";
import { initialTheme, setTheme } from "./shell/store";
import "./styles.css";

setTheme(initialTheme(), false);

/** A session that ends under the hand leads to the sign-in, and from there back to the same place. */
function signedOut(error: unknown): void {
  // The history's, not the router's: that one lags while a page is still on its way.
  const { pathname, href } = router.history.location;
  if (!(error instanceof ApiError) || error.status !== 401 || pathname === "/sign-in") return;
  // Who was not known before had no session that could end; the router leads them to the sign-in.
  if (client.getQueryData(me.queryKey) === undefined) return;
  client.removeQueries({ queryKey: ["me"] });
  void router.navigate({ to: "/sign-in", search: { next: href, ended: true }, replace: true });
}

const client = new QueryClient({
  queryCache: new QueryCache({ onError: signedOut }),
  mutationCache: new MutationCache({ onError: signedOut }),
  defaultOptions: {
    queries: {
      staleTime: 2000,
      // A refusal stays a refusal; only a part that is down may come back.
      retry: (count, error) => count < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 500),
    },
  },
});
const router = makeRouter(client);

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
