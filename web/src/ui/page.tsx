import type { ReactNode } from "react";
import { useTitle } from "../shell/tab";

interface HeadProps {
  title: string;
  /** Where the title is a name that people copy. */
  mono?: boolean;
  note?: ReactNode;
  children?: ReactNode;
}

/** The head of a page, which also names the browser's tab. */
export function PageHead({ title, mono = false, note, children }: HeadProps) {
  useTitle(title);
  return (
    <div className="mb-3 flex min-h-8 flex-wrap items-center gap-x-4 gap-y-2">
      <h1 className={`min-w-0 text-title font-semibold break-words ${mono ? "font-mono" : ""}`}>{title}</h1>
      {note ? <div className="flex flex-wrap items-center gap-x-3 text-muted">{note}</div> : null}
      {children ? <div className="ml-auto flex flex-wrap items-center gap-2">{children}</div> : null}
    </div>
  );
}

export function Page({ children }: { children: ReactNode }) {
  return <div className="mx-auto w-full max-w-[1680px] p-3 md:p-4">{children}</div>;
}
