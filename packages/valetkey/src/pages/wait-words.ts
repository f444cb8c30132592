/** How long to wait, in words: `in 40 seconds`, `in 12 minutes`. Seconds, rounded up. */
export function waitWords(seconds: number): string {
  const [count, unit] =
    seconds < 90 ? [Math.max(1, Math.ceil(seconds)), "second"] : [Math.ceil(seconds / 60), "minute"];
  return `in ${count} ${unit}${count === 1 ? "" : "s"}`;
}
