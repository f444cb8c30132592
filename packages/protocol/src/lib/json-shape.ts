/**
 * Looks at JSON text before anything is built from it: how deep it nests, and whether an object names a member twice.
 *
 * RFC 8259 §4: names within an object should be unique; parsers differ in what they do if not, and an attacker lives on the
 * difference. One pass, linear time; what is not JSON at all is found out by the parser afterwards.
 */

export interface JsonShape {
  /** The deepest nesting of objects and arrays. */
  readonly depth: number;
  /** Whether any object names a member twice. */
  readonly repeats: boolean;
}

/** Finds the shape of JSON text. Stops looking where it is deeper than `maxDepth`. */
export function shapeOf(text: string, maxDepth: number): JsonShape {
  /** For each open bracket the names seen in it; `undefined` for an array. */
  const open: (Set<string> | undefined)[] = [];
  let depth = 0;
  let repeats = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "{" || character === "[") {
      open.push(character === "{" ? new Set() : undefined);
      depth = Math.max(depth, open.length);
      if (depth > maxDepth) return { depth, repeats };
    } else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const end = endOfString(text, at);
      const names = open.at(-1);
      if (names !== undefined && isName(text, end)) {
        const name = nameOf(text.slice(at, end));
        repeats ||= names.has(name);
        names.add(name);
      }
      at = end - 1;
    }
  }
  return { depth, repeats };
}

/** The index after the closing quote. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

/** A string in an object is a name if a colon follows. */
function isName(text: string, end: number): boolean {
  let at = end;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++;
  return text[at] === ":";
}

/** `"a"` and `"\\u0061"` are the same name. */
function nameOf(quoted: string): string {
  if (!quoted.includes("\\")) return quoted.slice(1, -1);
  try {
    return String(JSON.parse(quoted));
  } catch {
    // Not JSON: the parser will say so.
    return quoted;
  }
}
