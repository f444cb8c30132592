/**
 * Deletes what has expired a little at a time, and rests in between: whoever commits meanwhile must not notice.
 *
 * The one property: a sweep takes a fifth of the database's time at most, however much there is to delete, and ends early when the
 * store is closed.
 */

/** How many times as long as a step took nothing is deleted after it. */
const restFactor = 4;

/** Takes steps until one deletes fewer than `limit` entries; resolves to how many went in all. */
export async function sweepInSteps(
  step: () => Promise<number>,
  limit: number,
  isClosing: () => boolean,
): Promise<number> {
  let total = 0;
  for (;;) {
    const began = performance.now();
    const swept = await step();
    total += swept;
    if (swept < limit || isClosing()) return total;
    await rest((performance.now() - began) * restFactor);
  }
}

function rest(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
