/**
 * Refuses options that do not exist, for those whose editor does not: a misspelt one would protect nothing, silently.
 *
 * Guarantees that what is not known is a `TypeError` which names the nearest option there is.
 */

/** The names of all options of a type; a list that lacks one, or has one too many, does not compile. */
export type Names<Options> = Readonly<Record<NameOf<Options>, true>>;
// Of a union all names, not only those that all its members have.
type NameOf<Options> = Options extends unknown ? keyof Options : never;

/**
 * Checks the names in `given`. `what` is what the options are of, as people write it: `protectResource`, `dpop`. `elsewhere` says how
 * something is called here that has another name in a place like this.
 */
export function checkNames(
  what: string,
  given: object | undefined,
  known: Readonly<Record<string, true>>,
  elsewhere: Readonly<Record<string, string>> = {},
): void {
  if (given !== undefined && (typeof given !== "object" || given === null))
    throw new TypeError(`${what} must be an object of options, got ${JSON.stringify(given)}`);
  const unknown = Object.keys(given ?? {}).find((name) => !Object.hasOwn(known, name));
  if (unknown === undefined) return;
  const other = Object.hasOwn(elsewhere, unknown) ? elsewhere[unknown] : undefined;
  const meant = other ?? nearest(unknown, Object.keys(known));
  const hint = meant === undefined ? `there are ${Object.keys(known).join(", ")}` : `did you mean ${meant}?`;
  throw new TypeError(`${what} has no option ${JSON.stringify(unknown)}: ${hint}`);
}

/** At most a third of its letters may differ; a word nobody could mean is as far as it gets. */
function nearest(word: string, names: readonly string[]): string | undefined {
  const from = word.slice(0, 64).toLowerCase();
  const [best] = names
    .map((name) => ({ name, far: changes(from, name.toLowerCase()) }))
    .filter(({ name, far }) => far <= Math.max(1, name.length / 3))
    .sort((one, other) => one.far - other.far);
  return best?.name;
}

/** How many letters have to be added, left out or changed. */
function changes(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const letter of from) {
    const next = [(row[0] ?? 0) + 1];
    for (let at = 1; at <= to.length; at++) {
      const changed = (row[at - 1] ?? 0) + (to[at - 1] === letter ? 0 : 1);
      next.push(Math.min((row[at] ?? 0) + 1, (next[at - 1] ?? 0) + 1, changed));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
