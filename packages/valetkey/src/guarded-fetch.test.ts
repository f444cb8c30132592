import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { fetchText } from "@valetkey/protocol/read-json";
import { selfSigned } from "@valetkey/test-support/self-signed";
import { type GuardOptions, guardedFetch, OutboundRefused, readAllowed } from "./guarded-fetch.ts";

const { key, cert } = selfSigned("rp.internal", "localhost", "rp.test");
const hello: RequestListener = (_request, response) => response.end("hello");

/** A server on loopback that counts who connects. */
async function listening(listener: RequestListener = hello, { tls = true, host = "127.0.0.1" } = {}) {
  const server = tls ? createTlsServer({ key, cert }, listener) : createServer(listener);
  let connections = 0;
  server.on("connection", () => connections++);
  await new Promise<void>((done) => server.listen(0, host, done));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** A resolver of our own: the answers in turn, the last one for ever. */
function names(table: Record<string, string[][]>) {
  const asked: string[] = [];
  const resolve: NonNullable<GuardOptions["resolve"]> = async (host) => {
    asked.push(host);
    const answers = table[host] ?? [];
    const addresses = (answers.length > 1 ? answers.shift() : answers[0]) ?? [];
    return addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  };
  return { asked, resolve };
}

const refused = (promise: Promise<Response>, words = /./) =>
  assert.rejects(promise, (error: Error) => error instanceof OutboundRefused && words.test(error.message));

test("what is not https on the usual port, or carries user information, is refused before anything is looked up (CI-01)", async () => {
  const { asked, resolve } = names({});
  const fetch = guardedFetch({ resolve });
  for (const url of [
    "http://rp.test/x",
    "ftp://rp.test/x",
    "file:///etc/passwd",
    "data:application/json,{}",
    "https://user@rp.test/x",
    "https://user:word@rp.test/x",
    "https://rp.test:22/x",
    "https://rp.test:8443/x",
    "http://localhost/x",
    "http://127.0.0.1:8080/x",
  ])
    await refused(fetch(url));
  assert.deepEqual(asked, []);
});

test("an address instead of a name is judged as such, in every spelling a URL may have", async () => {
  const { asked, resolve } = names({});
  const fetch = guardedFetch({ resolve });
  for (const host of [
    ...["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "10.0.0.1", "169.254.169.254", "0.0.0.0"],
    ...["[::1]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[64:ff9b::7f00:1]", "[fd00:ec2::254]", "[fe80::1]"],
  ])
    await refused(fetch(`https://${host}/x`), /not public/);
  assert.deepEqual(asked, []);
});

test("a name is refused with any address that is not public, and nothing is connected to", async () => {
  await using server = await listening();
  for (const addresses of [
    ["127.0.0.1"],
    ["::1"],
    ["::ffff:127.0.0.1"],
    ["10.1.2.3"],
    ["100.64.0.1"],
    ["169.254.169.254"],
    ["fd00::1"],
    ["93.184.216.34", "127.0.0.1"],
    [],
  ]) {
    const { resolve } = names({ "rp.test": [addresses] });
    await refused(guardedFetch({ resolve, ca: cert, ports: [server.port] })(`https://rp.test:${server.port}/`));
  }
  assert.equal(server.connections(), 0);
});

test("names that only look like loopback are refused, also where the issuer itself is there", async () => {
  await using server = await listening(hello, { tls: false });
  const hosts = ["localhost.test", "localhost.", "a.localhost", "127.0.0.2", "lvh.test"];
  const { resolve } = names(Object.fromEntries(hosts.map((host) => [host, [["127.0.0.1"]]])));
  for (const host of hosts) {
    await refused(guardedFetch({ loopback: true, resolve })(`http://${host}:${server.port}/`));
    await refused(guardedFetch({ loopback: true, resolve, ports: [server.port] })(`https://${host}:${server.port}/`));
  }
  const { resolve: elsewhere } = names({ localhost: [["10.0.0.1"]] });
  await refused(guardedFetch({ loopback: true, resolve: elsewhere })(`http://localhost:${server.port}/`));
  assert.equal(server.connections(), 0);
});

test("an issuer on loopback calls what is on loopback by name, by http too and at any port; no other does", async () => {
  await using server = await listening(hello, { tls: false });
  const fetch = guardedFetch({ loopback: true });
  for (const host of ["localhost", "127.0.0.1"])
    assert.equal(await (await fetch(`http://${host}:${server.port}/`)).text(), "hello");
  await using secure = await listening();
  const trusting = guardedFetch({ loopback: true, ca: cert });
  assert.equal(await (await trusting(new URL(`https://localhost:${secure.port}/`))).text(), "hello");
  await refused(guardedFetch({ ports: [server.port] })(`http://localhost:${server.port}/`));
});

test("a host of one's own network that is allowed by name is called at its port and no other, and by https only", async () => {
  await using server = await listening();
  await using other = await listening();
  const { resolve } = names({ "rp.internal": [["127.0.0.1"]], "xrp.internal": [["127.0.0.1"]] });
  const fetch = guardedFetch({ allow: [`rp.internal:${server.port}`], resolve, ca: cert });
  assert.equal(await (await fetch(`https://rp.internal:${server.port}/`)).text(), "hello");
  await refused(fetch(`https://rp.internal:${other.port}/`), /at port/);
  const usual = guardedFetch({ allow: [`rp.internal:${server.port}`], resolve, ca: cert, ports: [443, other.port] });
  await refused(usual(`https://rp.internal:${other.port}/`), /at port/);
  await refused(fetch(`http://rp.internal:${server.port}/`), /not https/);
  await refused(fetch(`https://xrp.internal:${server.port}/`), /at port/);
  const bad = names({ "rp.internal": [["169.254.169.254"]] });
  await refused(
    guardedFetch({ allow: ["rp.internal"], resolve: bad.resolve, ca: cert })("https://rp.internal/"),
    /not public/,
  );
  assert.equal(other.connections(), 0);
});

test("what was checked is what is connected to: a name that changes its mind is not asked a second time", async () => {
  await using server = await listening();
  const { asked, resolve } = names({ "rp.internal": [["127.0.0.1"], ["127.0.0.9"]] });
  const fetch = guardedFetch({ allow: [`rp.internal:${server.port}`], resolve, ca: cert });
  assert.equal(await (await fetch(`https://rp.internal:${server.port}/`)).text(), "hello");
  assert.deepEqual(asked, ["rp.internal"]);
  // And the other way round: good at first, bad at the next connection.
  await using closing = await listening((_request, response) => response.setHeader("connection", "close").end("hello"));
  const turned = names({ "rp.internal": [["127.0.0.1"], ["169.254.169.254"]] });
  const late = guardedFetch({ allow: [`rp.internal:${closing.port}`], resolve: turned.resolve, ca: cert });
  await (await late(`https://rp.internal:${closing.port}/`)).text();
  await refused(late(`https://rp.internal:${closing.port}/`), /not public/);
  assert.equal(closing.connections(), 1);
});

test("no redirect is followed: it rejects, or is handed back where the caller asked for that", async () => {
  let asked = 0;
  await using server = await listening(
    (request, response) => {
      asked++;
      response.writeHead(request.url === "/" ? 302 : 200, { location: "/there" }).end();
    },
    { tls: false },
  );
  const fetch = guardedFetch({ loopback: true });
  const url = `http://localhost:${server.port}/`;
  await assert.rejects(fetch(url));
  await assert.rejects(fetch(url, { redirect: "follow" }));
  const handed = await fetch(url, { redirect: "manual" });
  assert.equal(handed.status, 302);
  assert.equal(handed.headers.get("location"), "/there");
  assert.equal(asked, 3);
});

test("a certificate that is not the host's, or nobody's, is an error", async () => {
  await using server = await listening();
  const { resolve } = names({ "other.internal": [["127.0.0.1"]], "rp.internal": [["127.0.0.1"]] });
  const allow = [`other.internal:${server.port}`, `rp.internal:${server.port}`];
  await assert.rejects(guardedFetch({ allow, resolve, ca: cert })(`https://other.internal:${server.port}/`));
  await assert.rejects(guardedFetch({ allow, resolve })(`https://rp.internal:${server.port}/`));
});

test("proxies of the environment are not used", async () => {
  await using proxy = await listening(hello, { tls: false });
  await using server = await listening(hello, { tls: false });
  const before = { ...process.env };
  for (const name of ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"])
    process.env[name] = `http://127.0.0.1:${proxy.port}`;
  process.env.NODE_USE_ENV_PROXY = "1";
  try {
    await guardedFetch({ loopback: true })(`http://127.0.0.1:${server.port}/`);
  } finally {
    process.env = before;
  }
  assert.equal(proxy.connections(), 0);
});

test("a body is bounded: what is large, and what grows when it is unpacked (CWE-409)", async () => {
  const zeros = gzipSync(Buffer.alloc(64 * 1_048_576));
  await using server = await listening(
    (request, response) => {
      response.on("error", () => undefined);
      if (request.url === "/bomb") response.setHeader("content-encoding", "gzip").end(zeros);
      else if (request.url === "/stacked") response.setHeader("content-encoding", "gzip, gzip").end(gzipSync(zeros));
      else if (request.url === "/encoding") response.end(String(request.headers["accept-encoding"]));
      else response.end(Buffer.alloc(4 * 1_048_576));
    },
    { tls: false },
  );
  const fetch = guardedFetch({ loopback: true });
  const at = (path: string) => `http://localhost:${server.port}${path}`;
  assert.equal(await (await fetch(at("/encoding"))).text(), "identity");
  await assert.rejects(fetchText(fetch, at("/bomb"), {}, { limit: 10_240 }), /larger than 10240/);
  await refused(fetch(at("/stacked")), /several times/);
  await assert.rejects(fetchText(fetch, at("/large"), {}, { limit: 10_240 }), /larger than 10240/);
  // And where the caller sets no bound at all.
  await assert.rejects((await fetch(at("/large"))).text());
});

test("time is bounded by the caller, the body included", async () => {
  await using server = await listening((_request, response) => void response.write("and then"), { tls: false });
  const fetch = guardedFetch({ loopback: true });
  await assert.rejects(fetchText(fetch, `http://localhost:${server.port}/`, {}, { timeoutMs: 50 }));
});

test("a form is sent as one, with nothing of ours beside it", async () => {
  let seen: { method?: string | undefined; headers: Record<string, unknown>; body: string } | undefined;
  await using server = await listening(
    (request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on("end", () => {
        seen = { method: request.method, headers: request.headers, body };
        response.writeHead(204).end();
      });
    },
    { tls: false },
  );
  const body = new URLSearchParams({ logout_token: "a b" });
  const response = await guardedFetch({ loopback: true })(`http://localhost:${server.port}/out`, {
    method: "POST",
    body,
  });
  assert.equal(response.status, 204);
  assert.ok(response instanceof Response);
  assert.equal(seen?.method, "POST");
  assert.equal(seen?.body, "logout_token=a+b");
  assert.match(String(seen?.headers["content-type"]), /^application\/x-www-form-urlencoded/);
  assert.equal(seen?.headers["user-agent"], "valetkey");
  for (const name of ["cookie", "authorization", "referer", "origin"]) assert.equal(seen?.headers[name], undefined);
});

test("allowed hosts are hosts with or without a port, and nothing else", () => {
  assert.deepEqual(readAllowed("rp.internal"), { hostname: "rp.internal", port: 443 });
  assert.deepEqual(readAllowed("RP.internal:8443"), { hostname: "rp.internal", port: 8443 });
  assert.deepEqual(readAllowed("[fd00::1]:8443"), { hostname: "[fd00::1]", port: 8443 });
  for (const entry of ["https://rp.internal", "rp.internal/x", "*.internal", "a@rp.internal", "", "rp.internal:99999"])
    assert.equal(readAllowed(entry), undefined, entry);
  assert.throws(() => guardedFetch({ allow: ["*"] }), TypeError);
});
