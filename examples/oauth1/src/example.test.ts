/**
 * The example does what it says: signs in, reads and posts, hears a no, connects by hand and works from the token it got.
 */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { getRequestListener } from "@hono/node-server";
import { isClientError } from "@valetkey/client/client-error";
import { requestTemporaryCredentials } from "@valetkey/client/oauth1-temporary-credentials";
import { makeApp } from "./app.ts";
import { makeBird } from "./bird.ts";
import { connect } from "./connect.ts";
import { postStatus, readTimeline } from "./timeline.ts";

const client = { client_id: "example-app", client_secret: "a secret & more" };
const servers = [createServer(), createServer()] as const;
let [url, bird] = ["", ""];

before(async () => {
  const listen = async (server: Server) => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  [url, bird] = [await listen(servers[0]), await listen(servers[1])];
  const app = makeApp({ url, bird, ...client, secret: "a secret of the example for its test" });
  servers[0].on("request", getRequestListener(app.fetch));
  const service = makeBird({ ...client, name: "Example app", callback: `${url}/auth/callback/bird` });
  servers[1].on("request", getRequestListener(service.fetch));
});
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** A browser for one of the two sites: keeps cookies, follows nothing. */
function createBrowser() {
  const cookies = new Map<string, string>();
  return async (target: string | URL, form?: Record<string, string>): Promise<Response> => {
    const headers = { Accept: "text/html", Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
    const post = form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) };
    const answer = await fetch(new URL(target, url), { ...post, headers, redirect: "manual" });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/Max-Age=0/.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  };
}

const locationOf = (answer: Response) => answer.headers.get("location") ?? "";

/** Presses a button on the page of the service. */
async function decide(at: string | URL, decision: "allow" | "deny"): Promise<Response> {
  const page = await (await fetch(at)).text();
  const oauth_token = /name="oauth_token" value="([^"]+)"/.exec(page)?.[1] ?? assert.fail(page);
  const body = new URLSearchParams({ oauth_token, decision });
  return fetch(`${bird}/oauth/authorize`, { method: "POST", body, redirect: "manual" });
}

test("a person signs in, reads the timeline and posts to it", async () => {
  const browser = createBrowser();
  const left = await browser("/auth/login/bird?returnTo=/timeline");
  const back = locationOf(await decide(locationOf(left), "allow"));
  assert.equal(locationOf(await browser(back)), "/timeline");
  assert.match(await (await browser("/")).text(), /You are <b id="name">Robin<\/b>/);
  assert.match(await (await browser("/timeline")).text(), /Hello from 2010/);
  assert.equal((await browser("/timeline", { status: "100% & <é>" })).status, 303);
  assert.match(await (await browser("/timeline")).text(), /<li>100% &amp; &lt;é&gt;<\/li>/);
});

test("a person who says no is told so", async () => {
  const browser = createBrowser();
  const back = locationOf(await decide(locationOf(await browser("/auth/login/bird")), "deny"));
  const page = await browser(back);
  assert.equal(page.status, 403);
  assert.match(await page.text(), /Access was not allowed/);
});

test("a program connects by hand, then works from its token", async () => {
  const { oauth_token, oauth_token_secret } = await connect(bird, client, async (at) => {
    const shown = await (await decide(at, "allow")).text();
    return /code: (\S+)/.exec(shown)?.[1] ?? assert.fail(shown);
  });
  const credentials = { ...client, token: oauth_token, token_secret: oauth_token_secret };
  const posted = await postStatus(credentials, `${bird}/1.1`, "signed & sealed");
  const [newest] = await readTimeline(credentials, `${bird}/1.1`);
  assert.deepEqual(newest, posted);
  await assert.rejects(readTimeline({ ...credentials, token_secret: "wrong" }, `${bird}/1.1`), /401/);
  const typo = connect(bird, client, async (at) => {
    await decide(at, "allow");
    return "0000";
  });
  await assert.rejects(typo, (e) => isClientError(e, "token_refused") && e.error === "verifier_invalid");
});

test("the service takes no request twice, none that is old and none that was changed (RFC 5849 §3.2)", async () => {
  const service = makeBird({ ...client, name: "Example app", callback: "http://localhost/cb" });
  const seen: Request[] = [];
  const through = async (target: string | URL, init?: RequestInit) => {
    seen.push(new Request(target, init));
    return service.fetch(new Request(target, init));
  };
  const request_token_endpoint = `${bird}/oauth/request_token`;
  const ask = (now: number) =>
    requestTemporaryCredentials({ request_token_endpoint, client, fetch: through, now: () => now });
  await ask(Date.now());
  const again = seen[0]?.clone() ?? assert.fail();
  assert.match(await (await service.fetch(again)).text(), /nonce_used/);
  for (const off of [-700_000, 700_000]) {
    await assert.rejects(ask(Date.now() + off), (e) => isClientError(e) && e.error === "timestamp_refused");
  }
  const header = seen[0]?.headers.get("authorization")?.replace("oob", "http%3A%2F%2Flocalhost%2Fcb") ?? "";
  const changed = new Request(request_token_endpoint, { method: "POST", headers: { Authorization: header } });
  assert.match(await (await service.fetch(changed)).text(), /signature_invalid/);
});
