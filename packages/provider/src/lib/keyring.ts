/**
 * The life of a signing key: next → active → retiring → gone. Pure functions on the list of keys.
 *
 * RFC 7517 §5, OpenID Connect Core §10.1.1 (rotation of signing keys).
 * Guarantees that each algorithm keeps one active key and one next key, and that no key signs again once it is
 * retiring.
 */
import type { KeyData } from "../entries.ts";

/**
 * Replaces the active key of one algorithm by its next, and the next by a fresh one. The old one stays published until
 * `dropAt`.
 */
export function rotateKey(keys: readonly KeyData[], fresh: KeyData, now: number, dropAt: number): KeyData[] {
  const { alg } = fresh;
  const turned = keys.map((key): KeyData => {
    if (key.alg !== alg) return key;
    if (key.state === "active") return retiring(key, dropAt);
    return key.state === "next" ? { ...key, state: "active", activatedAt: now } : key;
  });
  return [...turned, fresh];
}

/** Takes a key away at once. If it was active its next takes over; `fresh` (same algorithm) becomes the next. */
export function withoutKey(keys: readonly KeyData[], kid: string, fresh: KeyData, now: number): KeyData[] {
  const gone = keys.find((key) => key.kid === kid);
  const rest = keys.filter((key) => key.kid !== kid);
  if (gone === undefined || gone.state === "retiring") return rest;
  const promoted = rest.map(
    (key): KeyData =>
      gone.state === "active" && key.alg === gone.alg && key.state === "next"
        ? { ...key, state: "active", activatedAt: now }
        : key,
  );
  return [...promoted, fresh];
}

/** Lets go of keys whose time is over, and turns those of algorithms that are no longer configured to retiring. */
export function tidyKeys(keys: readonly KeyData[], algs: readonly string[], now: number, dropAt: number): KeyData[] {
  return keys
    .filter((key) => key.state !== "retiring" || (key.dropAt ?? 0) > now)
    .map((key) => (key.state === "retiring" || algs.includes(key.alg) ? key : retiring(key, dropAt)));
}

/**
 * Tells whether an algorithm is due for automatic rotation: its active key is old enough, and its next key was
 * published for longer than any cache may lag behind, so that nobody meets a signature by a key they could not know.
 */
export function isDue(keys: readonly KeyData[], alg: string, now: number, age: number, lag: number): boolean {
  const active = keys.find((key) => key.alg === alg && key.state === "active");
  const next = keys.find((key) => key.alg === alg && key.state === "next");
  if (active === undefined || next === undefined) return false;
  return (active.activatedAt ?? active.publishedAt) + age <= now && next.publishedAt + lag < now;
}

function retiring(key: KeyData, dropAt: number): KeyData {
  // The private half has no use any more: what is not there cannot leak.
  const { private: _, ...rest } = key;
  return { ...rest, state: "retiring", dropAt };
}
