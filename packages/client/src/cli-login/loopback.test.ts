/**
 * Waiting for the browser to come back: one answer, from this computer, with the state that was sent; then nobody listens.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request as send } from "node:http";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { isClientError } from "../client-error.ts";
import { type Expected, listen } from "./loopback.ts";
import { signedInPage } from "./page.ts";

// A test that fails in the middle closes nothing: by this time everything here has ended by itself.
const seconds = 5;

const expected: Expected = {
  redirectUri: new URL("http://127.0.0.1/callback"),
  state: "the-state",
  timeout: seconds,
  signal: undefined,
};

/** `fetch` would not let a test choose the Host. */
const get = (url: string, more: { host?: string; method?: string } = {}) =>
  new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const headers = more.host === undefined ? {} : { Host: more.host };
    const signal = AbortSignal.timeout(seconds * 1000);
    send(url, { method: more.method ?? "GET", headers, agent: false, signal }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part: string) => {
        text += part;
      });
      answer.on("error", reject);
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers }));
    })
      .on("error", reject)
      .end();
  });

describe("waiting on loopback", { timeout: 30_000 }, () => {
  it("listens on the literal address with a free port and gives the answer that brings the state (RFC 8252 §7.3)", async () => {
    const listening = await listen(expected);
    assert.match(listening.redirect_uri, /^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    const shown = get(`${listening.redirect_uri}?code=c&state=the-state`);
    const answer = await listening.answer;
    assert.equal(answer.href, `${listening.redirect_uri}?code=c&state=the-state`);
    await listening.close(signedInPage());
    const { status, text, headers } = await shown;
    assert.equal(status, 200);
    assert.match(text, /You can close this window/);
    assert.doesNotMatch(text, /<script/);
    assert.match(String(headers["content-security-policy"]), /^default-src 'none'; style-src 'sha256-/);
    assert.equal(headers["referrer-policy"], "no-referrer");
    assert.equal(headers["cache-control"], "no-store");
    await assert.rejects(get(listening.redirect_uri), { code: "ECONNREFUSED" });
  });

  it("goes on waiting when strangers come: other hosts, paths, methods, states, and states sent twice", async () => {
    const listening = await listen(expected);
    const { redirect_uri } = listening;
    const { origin, port } = new URL(redirect_uri);
    const good = `${redirect_uri}?code=c&state=the-state`;
    assert.equal((await get(good, { host: `evil.test:${port}` })).status, 421);
    assert.equal((await get(good, { host: `localhost:${port}` })).status, 421);
    assert.equal((await get(`${origin}/favicon.ico`)).status, 404);
    assert.equal((await get(`${origin}/callback/x?code=c&state=the-state`)).status, 404);
    assert.equal((await get(good, { method: "POST" })).status, 405);
    assert.equal((await get(redirect_uri)).status, 400);
    assert.equal((await get(`${redirect_uri}?code=c&state=another`)).status, 400);
    assert.equal((await get(`${good}&state=the-state`)).status, 400);
    const first = get(good);
    await listening.answer;
    // One only: whoever has the state too comes too late.
    const second = await get(`${redirect_uri}?code=stolen&state=the-state`);
    assert.equal(second.status, 400);
    assert.match(second.text, /This is not the answer it waits for/);
    await listening.close(signedInPage());
    assert.equal((await first).status, 200);
  });

  it("ends with access_denied when nobody comes in time, and with the caller's reason when they have had enough", async () => {
    const late = await listen({ ...expected, timeout: 0 });
    await assert.rejects(
      late.answer,
      (error) => isClientError(error, "access_denied") && /0 seconds/.test(error.message),
    );
    await late.close();
    await assert.rejects(get(late.redirect_uri), { code: "ECONNREFUSED" });
    const controller = new AbortController();
    const aborted = await listen({ ...expected, signal: controller.signal });
    controller.abort(new Error("the person pressed q"));
    await assert.rejects(aborted.answer, /pressed q/);
    await aborted.close();
    const before = await listen({ ...expected, signal: AbortSignal.abort(new Error("never began")) });
    await assert.rejects(before.answer, /never began/);
    await before.close();
  });

  it("stops listening when the time is over or the caller has had enough, whoever forgets to close", async () => {
    const late = await listen({ ...expected, timeout: 0 });
    await assert.rejects(late.answer, (error) => isClientError(error, "access_denied"));
    await assert.rejects(get(late.redirect_uri), { code: "ECONNREFUSED" });
    const controller = new AbortController();
    const aborted = await listen({ ...expected, signal: controller.signal });
    // A connection that sends nothing would keep it open too.
    const idle = connect(Number(new URL(aborted.redirect_uri).port), "127.0.0.1");
    await once(idle, "connect");
    const cut = once(idle.resume(), "close");
    controller.abort(new Error("the person pressed q"));
    await assert.rejects(aborted.answer, /pressed q/);
    await cut;
    await assert.rejects(get(aborted.redirect_uri), { code: "ECONNREFUSED" });
  });

  it("shows its page to whoever came in time, also if the time ends before it is ready", async () => {
    const controller = new AbortController();
    const listening = await listen({ ...expected, signal: controller.signal });
    const shown = get(`${listening.redirect_uri}?code=c&state=the-state`);
    await listening.answer;
    controller.abort();
    await listening.close(signedInPage());
    assert.equal((await shown).status, 200);
  });

  it("listens where it was told to, and says so if somebody else is there", async () => {
    const first = await listen(expected);
    const { port } = new URL(first.redirect_uri);
    const same = { ...expected, redirectUri: new URL(`http://localhost:${port}/callback`) };
    await assert.rejects(listen(same), (error) => isClientError(error, "configuration_invalid"));
    await first.close();
    const second = await listen(same);
    assert.equal(second.redirect_uri, `http://localhost:${port}/callback`);
    await second.close();
  });

  it("ends when the browser left before it saw the page", async () => {
    const listening = await listen(expected);
    const left = send(`${listening.redirect_uri}?code=c&state=the-state`, { agent: false });
    left.on("error", () => {});
    left.end();
    await listening.answer;
    left.destroy();
    await listening.close(signedInPage());
  });
});
