/** `10 min` of 600 seconds. */
export function span(seconds: number): string {
  return seconds % 60 === 0 && seconds >= 60 ? `${seconds / 60} min` : `${seconds} s`;
}

/** Where a fault is, as a line of its own beneath the text: `  ^`. Empty where the place is not known. */
export function pointer(expression: string, details: Record<string, unknown> | undefined): { line: string; mark: string } | null {
  const [line, column] = [Number(details?.line), Number(details?.column)];
  const text = expression.split("\n")[line - 1];
  if (text === undefined || !Number.isInteger(column) || column < 1) return null;
  return { line: text, mark: `${" ".repeat(column - 1)}^` };
}
