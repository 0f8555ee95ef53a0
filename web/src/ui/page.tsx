import type { ReactNode } from "react";

export function PageHead({ title, children, note }: { title: ReactNode; children?: ReactNode; note?: ReactNode }) {
  return (
    <div className="mb-3 flex min-h-8 flex-wrap items-center gap-x-4 gap-y-2">
      <h1 className="text-title font-semibold">{title}</h1>
      {note ? <div className="flex flex-wrap items-center gap-x-3 text-muted">{note}</div> : null}
      {children ? <div className="ml-auto flex flex-wrap items-center gap-2">{children}</div> : null}
    </div>
  );
}

export function Page({ children }: { children: ReactNode }) {
  return <div className="mx-auto w-full max-w-[1680px] p-3 md:p-4">{children}</div>;
}
