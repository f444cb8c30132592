/**
 * Random bytes, drawn from the platform's generator many at a time: one call of it costs as much as a whole handle.
 *
 * Web Crypto §10.1.1 (getRandomValues). Guarantees that no byte is given out twice: it is overwritten before it is returned.
 */
import type { Bytes } from "../digest.ts";

// The one thing this module keeps, and all of it is unpredictable whatever has been taken. The platform gives threads and
// processes pools of their own.
const pool = new Uint8Array(4096);
let used = pool.length;

/** Draws `size` random bytes, on a buffer of their own. */
export function randomBytes(size: number): Bytes {
  if (size > pool.length / 8) return crypto.getRandomValues(new Uint8Array(size));
  if (used + size > pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  const bytes = pool.slice(used, used + size);
  pool.fill(0, used, used + size);
  used += size;
  return bytes;
}
