import { type InfiniteData, useQueryClient } from "@tanstack/react-query";
import { useOnResume } from "../shell/store";

/** Going on means to see what is newest: the list starts anew at its first page, and at its top. */
export function useStartAnewOnResume(queryKey: readonly unknown[], top: () => void): void {
  const client = useQueryClient();
  useOnResume(() => {
    client.setQueryData<InfiniteData<unknown>>(queryKey, (old) =>
      old && { pages: old.pages.slice(0, 1), pageParams: old.pageParams.slice(0, 1) },
    );
    top();
  });
}
