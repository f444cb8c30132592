/**
 * A server on http loopback whose answers a test writes down one by one, and which remembers what it was asked.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { sendResponse, toRequest } from "@valetkey/protocol/node-http";

/** What arrived: the body is read already. */
export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
  readonly form: URLSearchParams;
}

export interface Loopback extends AsyncDisposable {
  readonly origin: string;
  /** Metadata with an endpoint for everything. */
  readonly metadata: ServerMetadata;
  readonly asked: readonly Asked[];
  /** Answers the next requests, one each; the last one answers all that follow. */
  answer(...answers: ((asked: Asked) => Response | Promise<Response>)[]): void;
}

export const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  (): Response =>
    new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });

export const bearer = { access_token: "at-1", token_type: "Bearer", expires_in: 60 };

export async function startLoopback(): Promise<Loopback> {
  const asked: Asked[] = [];
  let script: ((one: Asked) => Response | Promise<Response>)[] = [];
  const server = createServer(async (req, res) => {
    const origin = `http://${req.headers.host}`;
    const request = toRequest(req, { origin, response: res });
    const body = await request.text();
    const { method, headers } = request;
    const one = { method, url: new URL(request.url), headers, body, form: new URLSearchParams(body) };
    asked.push(one);
    const next = script.length > 1 ? script.shift() : script[0];
    await sendResponse(res, (await next?.(one)) ?? new Response("no answer was written", { status: 404 }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const names = ["authorization", "token", "device_authorization", "introspection", "revocation", "registration"];
  names.push("pushed_authorization_request", "backchannel_authentication");
  const endpoints = names.map((name) => [`${name}_endpoint`, `${origin}/${name}`]);
  return {
    origin,
    metadata: { issuer: origin, ...Object.fromEntries(endpoints) } as ServerMetadata,
    asked,
    answer: (...answers) => {
      script = answers;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("the scripted server answers in order and remembers what it was asked", async () => {
  await using server = await startLoopback();
  server.answer(json({ a: 1 }), json({ a: 2 }, 400));
  const first = await fetch(`${server.origin}/token`, { method: "POST", body: "x=1" });
  assert.deepEqual([first.status, await first.json()], [200, { a: 1 }]);
  for (const _ of [1, 2]) assert.equal((await fetch(server.origin)).status, 400);
  assert.equal(server.asked[0]?.form.get("x"), "1");
});
