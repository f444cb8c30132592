/**
 * Registering clients over HTTP, as strangers do (RFC 7591 §3).
 */
import assert from "node:assert/strict";
import { request } from "node:http";
import { type Reply, read } from "./flow.ts";

let callers = 0;

/** Registers, each time from an address of its own: a proxy we trust says so. */
export const post = async (issuer: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
  read(
    await fetch(new URL("/register", issuer), {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Forwarded-For": freshAddress(), ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    }),
  );

/** The status of a registration on a connection of its own; nothing if the server hung up on so much. */
export const postAlone = (issuer: string, body: unknown): Promise<number | undefined> =>
  new Promise((resolve) => {
    const headers = { "Content-Type": "application/json", "X-Forwarded-For": freshAddress() };
    const sent = request(new URL("/register", issuer), { method: "POST", agent: false, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    sent.on("error", () => resolve(undefined));
    sent.end(JSON.stringify(body));
  });

function freshAddress(): string {
  callers += 1;
  return `198.18.${callers >> 8}.${callers & 255}`;
}

/** An error of RFC 7591 §3.2.2, kept by nobody. */
export function assertNotRegistered(reply: Reply, status: number, error: string | RegExp, about = ""): void {
  assert.equal(reply.status, status, `${about} ${reply.text.slice(0, 300)}`);
  assert.match(String(reply.json?.error), error instanceof RegExp ? error : new RegExp(`^${error}$`), about);
  assert.equal(reply.headers.get("Cache-Control"), "no-store");
}
