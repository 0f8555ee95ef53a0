/** A share as people read it; what is not known is said. */
export function percent(share: number | null | undefined, digits = 0): string {
  return share === null || share === undefined ? "unknown" : `${(share * 100).toFixed(digits)} %`;
}

/** How a figure stands to the one before; shares differ by points, all else by its part. */
export function change(now: number | null | undefined, before: number | null | undefined): string {
  if (now === null || now === undefined) return "";
  if (before === null || before === undefined) return "nothing to compare with";
  if (now === before) return "as before";
  if (before === 0) return "none before";
  const part = Math.round(((now - before) / before) * 100);
  if (part === 0) return "about as before";
  return `${Math.abs(part)} % ${part > 0 ? "more" : "less"} than before`;
}
