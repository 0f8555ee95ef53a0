interface Props {
  /** 0 to 100, or null where nobody measures it. */
  percent: number | null | undefined;
  /** What is measured, for those who hear the page. */
  label: string;
  text?: string;
}

/** A share as a bar with its number; past nine tenths the bar says so. */
export function Meter({ percent, label, text }: Props) {
  if (percent === null || percent === undefined) return <span className="text-muted">–</span>;
  const share = Math.max(0, Math.min(100, percent));
  return (
    <span className="inline-flex w-full min-w-28 items-center gap-2">
      <span
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share)}
        className="h-2 min-w-12 flex-1 overflow-hidden rounded-xs bg-raised"
      >
        <span className={`block h-full ${share >= 90 ? "bg-high" : "bg-accent"}`} style={{ width: `${share}%` }} />
      </span>
      <span className="w-20 text-right whitespace-nowrap">{text ?? `${share.toFixed(0)} %`}</span>
    </span>
  );
}
