import type { Labels } from "../api/types";

export function LabelList({ title, labels }: { title: string; labels: Labels }) {
  const entries = Object.entries(labels);
  if (!entries.length) return null;
  return (
    <section>
      <h3 className="mb-1 font-semibold">{title}</h3>
      <dl className="grid grid-cols-[minmax(96px,auto)_1fr] gap-x-4 gap-y-0.5 font-mono text-meta">
        {entries.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="min-w-0 break-words">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
