/** Reads back when an id of `createId` was made: its first ten characters are the time, in base 32. */

/** Gives milliseconds since the epoch; for an id that was made elsewhere, whatever its characters say. */
export function createdAt(id: string): number {
  let time = 0;
  for (const digit of id.slice(0, 10)) time = time * 32 + "0123456789abcdefghjkmnpqrstvwxyz".indexOf(digit);
  return time;
}
