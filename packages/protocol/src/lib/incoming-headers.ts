/**
 * Headers over Node's raw list: asked for one by one they are looked up there, and only for anything else the platform's object is
 * made.
 *
 * Fetch §5.1 (Headers), RFC 9110 §5.2 (several lines of one name). Guarantees the answers of the platform's Headers.
 */

import type { Inspect } from "./incoming-request.ts";

/** Name, value, name, value … as they arrived. */
export type RawHeaders = readonly string[];

class IncomingHeaders {
  readonly #raw: RawHeaders;
  #whole: Headers | undefined;

  constructor(raw: RawHeaders) {
    this.#raw = raw;
  }

  get(name: string): string | null {
    if (this.#whole !== undefined) return this.#whole.get(name);
    const found = this.#find(name, 0);
    if (found < 0) return null;
    // Lines of one name are one value, and how they are joined the platform knows.
    if (this.#find(name, found + 2) >= 0) return this.#platform().get(name);
    return this.#raw[found + 1] ?? "";
  }
  has(name: string): boolean {
    return this.#whole === undefined ? this.#find(name, 0) >= 0 : this.#whole.has(name);
  }
  append(name: string, value: string): void {
    this.#platform().append(name, value);
  }
  set(name: string, value: string): void {
    this.#platform().set(name, value);
  }
  delete(name: string): void {
    this.#platform().delete(name);
  }
  getSetCookie(): string[] {
    return this.#platform().getSetCookie();
  }
  forEach(visit: (value: string, name: string, headers: Headers) => void, self?: unknown): void {
    for (const [name, value] of this.#platform()) visit.call(self, value, name, this as unknown as Headers);
  }
  keys() {
    return this.#platform().keys();
  }
  values() {
    return this.#platform().values();
  }
  entries() {
    return this.#platform().entries();
  }
  [Symbol.iterator]() {
    return this.#platform().entries();
  }
  /** For whoever prints it. */
  [Symbol.for("nodejs.util.inspect.custom")](_: number, options: object, inspect: Inspect): string {
    return inspect(this.#platform(), options);
  }

  /** The index of a name from here on, or -1. HTTP/2 has names of its own that begin with a colon: they are no headers. */
  #find(name: string, from: number): number {
    const wanted = name.toLowerCase();
    for (let at = from; at < this.#raw.length; at += 2) {
      const one = this.#raw[at];
      if (one?.length === wanted.length && one.toLowerCase() === wanted) return at;
    }
    return -1;
  }

  #platform(): Headers {
    if (this.#whole === undefined) {
      this.#whole = new Headers();
      for (let at = 0; at + 1 < this.#raw.length; at += 2) {
        const [name = "", value = ""] = [this.#raw[at], this.#raw[at + 1]];
        if (!name.startsWith(":")) this.#whole.append(name, value);
      }
    }
    return this.#whole;
  }
}
Object.setPrototypeOf(IncomingHeaders.prototype, Headers.prototype);

/** Makes the headers. */
export function incomingHeaders(raw: RawHeaders): Headers {
  return new IncomingHeaders(raw) as unknown as Headers;
}
