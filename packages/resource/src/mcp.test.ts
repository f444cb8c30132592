/** protectMcp around a bare function: the document, the challenges, scopes of tools, and answers that are streamed. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Issuer, type Json, startIssuer } from "./lib/test-issuer.test.ts";
import { type AuthInfo, type McpHandler, type McpOptions, protectMcp, tokenOf } from "./mcp.ts";

const resource = "https://mcp.example/v1/mcp";
const resource_metadata = "https://mcp.example/.well-known/oauth-protected-resource/v1/mcp";
let issuer: Issuer;
before(async () => {
  issuer = await startIssuer();
});
after(() => issuer[Symbol.asyncDispose]());

const tokenFor = (scope: string, more: Json = {}) => issuer.token({ aud: resource, scope, ...more });
const call = (name: string) => ({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name } });
const server = (handler: McpHandler, more: Partial<McpOptions> = {}) =>
  protectMcp({ issuer: issuer.url, resource, scope: "mcp", ...more }, handler);
async function post(token: string, body: unknown): Promise<Request> {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  return new Request(resource, {
    method: "POST",
    headers,
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}
const challengeOf = (response: Response) => response.headers.get("www-authenticate") ?? "";

test("the document is at the path-suffixed place for everybody and says what to ask for first (RFC 9728 §3.1, RS-12)", async () => {
  const handle = server(() => assert.fail("not for the server"), {
    tools: { upload: "photos:write" },
    metadata: { resource_name: "Photos" },
  });
  const answer = await handle(new Request(resource_metadata));
  assert.deepEqual(await answer.json(), {
    scopes_supported: ["mcp"],
    resource_name: "Photos",
    resource,
    authorization_servers: [issuer.url],
    bearer_methods_supported: ["header"],
  });
});

test("without a token: 401 that says where the document is and which scope to ask for; other audiences and ID tokens too (RS-02, RS-04)", async () => {
  const handle = server(() => assert.fail("not for the server"));
  const none = await handle(new Request(resource, { method: "POST", body: "{}" }));
  assert.equal(none.status, 401);
  assert.ok(challengeOf(none).includes(`resource_metadata="${resource_metadata}"`), challengeOf(none));
  assert.match(challengeOf(none), /scope="mcp"/);
  assert.doesNotMatch(challengeOf(none), /error=/);
  for (const bad of [
    await issuer.token({ aud: "https://mcp.example/other", scope: "mcp" }),
    await issuer.token({ aud: resource, scope: "mcp" }, { typ: "JWT" }),
    await tokenFor("mcp", { exp: 1 }),
  ]) {
    const refused = await handle(await post(bad, call("list")));
    assert.equal(refused.status, 401);
    assert.match(challengeOf(refused), /error="invalid_token".*scope="mcp"/);
  }
});

test("what tools need is asked for before the server is, together with what is there (union)", async () => {
  let served = 0;
  const handle = server(
    () => {
      served++;
      return new Response("ok");
    },
    { tools: { upload: "photos:write", wipe: "photos:write admin" } },
  );
  const token = await tokenFor("mcp photos:read");
  assert.equal((await handle(await post(token, call("list")))).status, 200);
  assert.equal((await handle(await post(token, call("__proto__")))).status, 200);
  const refused = await handle(await post(token, call("upload")));
  assert.equal(refused.status, 403);
  assert.match(challengeOf(refused), /error="insufficient_scope"/);
  assert.match(challengeOf(refused), /scope="mcp photos:read photos:write"/);
  assert.ok(challengeOf(refused).includes(`resource_metadata="${resource_metadata}"`));
  const batch = await handle(await post(token, [call("list"), call("upload"), call("wipe")]));
  assert.match(challengeOf(batch), /scope="mcp photos:read photos:write admin"/);
  assert.equal(served, 2);
  assert.equal((await handle(await post(await tokenFor("mcp photos:write"), call("upload")))).status, 200);
  const bare = await handle(await post(await tokenFor("photos:read"), call("list")));
  assert.match(challengeOf(bare), /scope="photos:read mcp"/);
});

test("a body that cannot be read for certain, or is too large, does not get past the scopes of tools", async () => {
  const handle = server(() => assert.fail("not for the server"), { tools: { upload: "w" }, bodyLimit: 200 });
  const token = await tokenFor("mcp");
  for (const body of ["", "{", '{"method":"tools/call",}'])
    assert.equal((await handle(await post(token, body))).status, 400, body);
  assert.equal((await handle(await post(token, { ...call("list"), more: "x".repeat(200) }))).status, 413);
  // Which of two members counts, and whether capitals do, is a matter of the parser behind.
  const params = '"params":{"name":"upload"}';
  for (const ambiguous of [
    `{"method":"tools/call","method":"tools/list",${params}}`,
    `{"method":"tools/list","Method":"tools/call",${params}}`,
    `[{"method":"tools/list","METHOD":"tools/call",${params}}]`,
    `{"method":"tools/call","paramſ":{"name":"upload"}}`,
    `{"method":"tools/call","params":{"name":"list","n\\u0061me":"upload"}}`,
    `{"method":"tools/call","params":{"name":"list","Name":"upload"}}`,
  ])
    assert.equal((await handle(await post(token, ambiguous))).status, 400, ambiguous);
});

test("what was looked into is kept in about its own size, however small the pieces it came in (CWE-400)", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const body = new TextEncoder().encode(JSON.stringify({ ...call("list"), more: "x".repeat(100_000) }));
  let at = 0;
  const pieces = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at < body.length) controller.enqueue(body.slice(at, ++at));
      else controller.close();
    },
  });
  const headers = { Authorization: `Bearer ${await tokenFor("mcp")}`, "Content-Type": "application/json" };
  const request = new Request(resource, { method: "POST", headers, body: pieces, duplex: "half" } as RequestInit);
  let grown = 0;
  const handle = server(
    async (behind) => {
      collect();
      grown = process.memoryUsage().heapUsed - start;
      return new Response(await behind.text());
    },
    { tools: { upload: "w" } },
  );
  collect();
  const start = process.memoryUsage().heapUsed;
  assert.equal((await (await handle(request)).text()).length, body.length);
  assert.ok(grown < 3_000_000, `100 KB cost ${grown}`);
});

test("the server reads the body that was looked into, and finds the token in the SDK's shape", async () => {
  const raw = await tokenFor("mcp");
  let info: AuthInfo | undefined;
  const handle = server(
    async (request, token) => {
      info = token.authInfo;
      assert.equal(tokenOf(token.authInfo), token);
      return Response.json(await request.json());
    },
    { tools: { upload: "w" } },
  );
  assert.deepEqual(await (await handle(await post(raw, call("list")))).json(), call("list"));
  const { exp, ...rest } = { exp: info?.expiresAt, ...info };
  assert.ok(Math.abs((exp ?? 0) - Date.now() / 1000) < 400);
  const known = { token: raw, clientId: "app", scopes: ["mcp"], resource: new URL(resource) };
  assert.partialDeepStrictEqual(rest, { ...known, resourceMetadataUrl: resource_metadata });
  assert.partialDeepStrictEqual(info?.extra, { iss: issuer.url, sub: "alice", principal: "person" });
  assert.doesNotThrow(() => JSON.stringify(info));
  for (const other of [undefined, {}, { ...info }]) assert.throws(() => tokenOf(other), TypeError);
});

const eventStream = { headers: { "Content-Type": "text/event-stream" } };

test("token.require in a tool turns the answer into the challenge, whatever the server makes of the error, streamed or not", async () => {
  const raw = await tokenFor("mcp");
  const ways: Record<string, McpHandler> = {
    thrown: (_, token) => {
      token.require("w");
      return new Response();
    },
    swallowed: async (_, token) => {
      await Promise.resolve();
      try {
        token.require("w");
      } catch {}
      return Response.json({ result: { isError: true } });
    },
    streamed: (_, token) => {
      const start = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
        await new Promise(setImmediate);
        try {
          token.require("w");
        } catch {}
        controller.enqueue(new TextEncoder().encode("data: {}\n\n"));
      };
      return new Response(new ReadableStream({ start }), eventStream);
    },
    "never answered": (_, token) => {
      try {
        token.require("w");
      } catch {}
      return new Promise<Response>(() => {});
    },
  };
  for (const [name, handler] of Object.entries(ways)) {
    const refused = await server(handler)(await post(raw, call("list")));
    assert.equal(refused.status, 403, name);
    assert.match(challengeOf(refused), /scope="mcp w"/, name);
    assert.match(await refused.text(), /insufficient_scope/, name);
  }
  const asked = server((_, token) => Response.json([token.has("mcp"), token.has("mcp w")]));
  assert.deepEqual(await (await asked(await post(raw, call("list")))).json(), [true, false]);
});

test("streams pass as they come, also those that never begin; what the server throws is not ours to answer", async () => {
  const raw = await tokenFor("mcp");
  let cancelled = false;
  const words = ["data: 1\n\n", "data: 2\n\n"];
  const handle = server((request) => {
    if (request.method === "GET") return new Response(new ReadableStream({ start() {} }), eventStream);
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const word = words.shift();
        if (word !== undefined) controller.enqueue(new TextEncoder().encode(word));
      },
      cancel() {
        cancelled = true;
      },
    });
    return new Response(body, eventStream);
  });
  const stream = await handle(await post(raw, call("list")));
  assert.equal(stream.headers.get("content-type"), "text/event-stream");
  const reader = (stream.body ?? assert.fail()).pipeThrough(new TextDecoderStream()).getReader();
  assert.deepEqual([(await reader.read()).value, (await reader.read()).value], ["data: 1\n\n", "data: 2\n\n"]);
  await reader.cancel();
  assert.ok(cancelled);
  const get = new Request(resource, { headers: { Authorization: `Bearer ${raw}` } });
  assert.equal((await handle(get)).status, 200);
  const failing = server(() => {
    throw new Error("broken");
  });
  await assert.rejects(async () => failing(await post(raw, call("list"))), /broken/);
});

test("a server on loopback answers neither names of strangers nor their pages (RS-13)", async () => {
  const local = "http://localhost:3000/mcp";
  const raw = await issuer.token({ aud: local, scope: "mcp" });
  const handle = protectMcp({ issuer: issuer.url, resource: local, scope: "mcp" }, () => new Response("ok"));
  const ask = async (headers: Record<string, string>) =>
    (await handle(new Request(local, { headers: { Authorization: `Bearer ${raw}`, ...headers } }))).status;
  assert.equal(await ask({ Host: "localhost:3000", Origin: "http://localhost:6274" }), 200);
  assert.equal(await ask({ Host: "evil.test:3000" }), 421);
  assert.equal(await ask({ Host: "localhost:3000", Origin: "https://evil.test" }), 403);
});

const corsOf = ({ headers }: Response) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith("access-control-") || name === "vary"));

test("pages that are allowed may ask beforehand, call, and read answer and challenge; without cookies (Fetch §3.2)", async () => {
  const raw = await tokenFor("mcp");
  const handle = server(() => new Response("ok", { headers: { Vary: "Accept", "Mcp-Session-Id": "1" } }), {
    allowedOrigins: ["https://inspector.example"],
  });
  const ask = async (method: string, headers: Record<string, string>) =>
    handle(new Request(resource, { method, headers }));
  const opened = {
    "access-control-allow-origin": "https://inspector.example",
    "access-control-expose-headers": "WWW-Authenticate, Mcp-Session-Id, DPoP-Nonce, Retry-After",
  };
  const Origin = "https://inspector.example";
  const before = await ask("OPTIONS", { Origin, "Access-Control-Request-Method": "POST" });
  assert.equal(before.status, 204);
  assert.deepEqual(corsOf(before), {
    ...opened,
    "access-control-allow-methods": "GET, POST, DELETE",
    "access-control-allow-headers": "Authorization, *",
    "access-control-max-age": "7200",
    vary: "Origin",
  });
  const challenged = await ask("POST", { Origin });
  assert.equal(challenged.status, 401);
  assert.deepEqual(corsOf(challenged), { ...opened, vary: "Origin" });
  const good = await ask("POST", { Origin, Authorization: `Bearer ${raw}` });
  assert.deepEqual([good.status, corsOf(good)], [200, { ...opened, vary: "Accept, Origin" }]);
  // Its own pages need nothing, programs send no Origin, and OPTIONS that is no preflight needs a token as everything does.
  assert.equal((await ask("POST", { Origin: new URL(resource).origin, Authorization: `Bearer ${raw}` })).status, 200);
  const program = await ask("POST", { Authorization: `Bearer ${raw}` });
  assert.deepEqual([program.status, corsOf(program)], [200, { vary: "Accept, Origin" }]);
  assert.equal((await ask("OPTIONS", { Origin })).status, 401);
});

test("other pages get 403 before anything else is looked at, and cannot read even that; unless all are allowed", async () => {
  const raw = await tokenFor("mcp");
  const ask = async (allowedOrigins: McpOptions["allowedOrigins"], Origin: string, method = "POST") => {
    const headers = { Origin, Authorization: `Bearer ${raw}`, "Access-Control-Request-Method": "POST" };
    const options = allowedOrigins === undefined ? {} : { allowedOrigins };
    return server(() => new Response("ok"), options)(new Request(resource, { method, headers }));
  };
  const near = [
    "https://inspector.example.evil.test",
    "http://inspector.example",
    "https://inspector.example:8443",
    "null",
  ];
  for (const origin of [...near, "http://localhost:6274"]) {
    for (const method of ["POST", "GET", "OPTIONS"]) {
      const refused = await ask(["https://inspector.example"], origin, method);
      assert.deepEqual([refused.status, corsOf(refused)], [403, { vary: "Origin" }], `${method} ${origin}`);
    }
    assert.equal((await ask(undefined, origin)).status, 403, origin);
    const open = await ask("*", origin);
    assert.deepEqual([open.status, corsOf(open)["access-control-allow-origin"]], [200, "*"]);
    assert.equal(open.headers.has("vary"), false);
  }
});

test("a resource that is no URL, or not https, is a mistake", () => {
  for (const wrong of ["mcp", "http://mcp.example/mcp", "https://mcp.example/mcp#x"])
    assert.throws(() => protectMcp({ issuer: issuer.url, resource: wrong }, () => new Response()), TypeError, wrong);
});
