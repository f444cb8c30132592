import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { decodeUnverified, generateKey } from "@valetkey/protocol/jose";
import {
  fetchBackchannelTokens,
  pollBackchannelAuthentication,
  readPing,
  startBackchannelAuthentication,
} from "./backchannel-authentication.ts";
import { type ClientErrorCode, isClientError } from "./client-error.ts";
import { pollDevice, startDeviceAuthorization } from "./device.ts";
import { bearer, json, type Loopback, startLoopback } from "./lib/loopback.test.ts";

const client = { client_id: "c", token_endpoint_auth_method: "none" } as const;
const is = (code: ClientErrorCode, error?: string) => (e: unknown) =>
  isClientError(e, code) && (error === undefined || e.error === error);

describe("waiting for a decision elsewhere", () => {
  let server: Loopback;
  /** Milliseconds; waiting moves it on. */
  let time = 0;
  let waits: number[] = [];
  before(async () => {
    server = await startLoopback();
  });
  after(() => server[Symbol.asyncDispose]());
  beforeEach(() => {
    time = 1_800_000_000_000;
    waits = [];
  });
  const now = () => time;
  const wait = async (milliseconds: number) => {
    waits.push(milliseconds / 1000);
    time += milliseconds;
  };
  const options = () => ({ metadata: server.metadata, client, now, wait });
  const pending = json({ error: "authorization_pending" }, 400);
  const slowDown = json({ error: "slow_down" }, 400);

  const codes = {
    device_code: "dc-1",
    user_code: "ABCD-EFGH",
    verification_uri: "https://as.example/device",
    verification_uri_complete: "https://as.example/device?code=ABCD-EFGH",
    expires_in: 600,
    interval: 5,
  };
  const start = async (answer: object = codes) => {
    server.answer(json(answer));
    return startDeviceAuthorization({ ...options(), scope: "openid" });
  };

  it("gives what the person needs to see, and the rhythm; five seconds if none is named (RFC 8628 §3.2)", async () => {
    const device = await start();
    assert.deepEqual(device, {
      device_code: "dc-1",
      user_code: "ABCD-EFGH",
      verification_uri: codes.verification_uri,
      verification_uri_complete: codes.verification_uri_complete,
      expiresAt: time + 600_000,
      interval: 5,
    });
    assert.deepEqual(Object.fromEntries(server.asked.at(-1)?.form ?? []), { scope: "openid", client_id: "c" });
    const { interval: _, verification_uri_complete: __, ...less } = codes;
    assert.equal((await start(less)).interval, 5);
  });

  it("shows the person no script, no file and no control characters, whatever the server answers", async () => {
    const odd = [
      { verification_uri: "javascript:alert(1)" },
      { verification_uri: "http://as.example/device" },
      { verification_uri_complete: "file:///etc/passwd" },
      { verification_uri: "https://user@as.example/" },
      { user_code: "A\u001b[2J" },
      { user_code: "x".repeat(65) },
      { user_code: undefined },
      { device_code: 1 },
      { expires_in: undefined },
      { interval: "5" },
    ];
    // On an https issuer loopback pages do not count; here the issuer is on loopback, so http://127.0.0.1 would.
    for (const more of odd) {
      await assert.rejects(start({ ...codes, ...more }), is("token_response_invalid"), JSON.stringify(more));
    }
    server.answer(json({ error: "unauthorized_client" }, 400));
    await assert.rejects(
      startDeviceAuthorization(options()),
      (e) =>
        is("authorization_refused", "unauthorized_client")(e) &&
        isClientError(e) &&
        /the grant type urn:ietf:params:oauth:grant-type:device_code at the provider/.test(e.fix ?? ""),
      "the fix names the grant that is missing",
    );
  });

  it("polls in the rhythm it was given, slower for good after slow_down, until the tokens come (RFC 8628 §3.5, DV-03)", async () => {
    const device = await start();
    server.answer(pending, slowDown, pending, slowDown, json(bearer));
    const tokens = await pollDevice(device, options());
    assert.equal(tokens.access_token, "at-1");
    assert.deepEqual(waits, [5, 5, 10, 10, 15]);
    const { form } = server.asked.at(-1) ?? assert.fail();
    assert.deepEqual(
      [form.get("grant_type"), form.get("device_code"), form.get("client_id")],
      ["urn:ietf:params:oauth:grant-type:device_code", "dc-1", "c"],
    );
  });

  it("backs off while the issuer is down, and returns to its rhythm (RFC 8628 §3.5)", async () => {
    const device = await start();
    const down = () => new Response("", { status: 503 });
    const busy = () => new Response("", { status: 429, headers: { "Retry-After": "45" } });
    server.answer(down, down, pending, busy, json(bearer));
    await pollDevice(device, options());
    assert.deepEqual(waits, [5, 10, 20, 5, 45]);
  });

  it("a denial, an expiry and any other refusal end it, each by its name", async () => {
    const device = await start();
    for (const [error, code] of [
      ["access_denied", "access_denied"],
      ["expired_token", "token_refused"],
      ["invalid_grant", "token_refused"],
    ] as const) {
      server.answer(pending, json({ error }, 400));
      const before = server.asked.length;
      await assert.rejects(pollDevice(device, options()), is(code, error));
      assert.equal(server.asked.length - before, 2);
    }
  });

  it("ends by itself when the code has expired, without asking once more", async () => {
    const device = await start({ ...codes, expires_in: 12 });
    server.answer(pending);
    const before = server.asked.length;
    await assert.rejects(pollDevice(device, options()), is("token_refused", "expired_token"));
    assert.equal(server.asked.length - before, 2);
  });

  it("a server that wants no pause at all still gets a second", async () => {
    const device = await start({ ...codes, interval: 0 });
    server.answer(json(bearer));
    await pollDevice(device, options());
    assert.deepEqual(waits, [1]);
  });

  it("stops when the caller has had enough, in the middle of a wait", async () => {
    const device = await start();
    const controller = new AbortController();
    const { wait: _, ...rest } = options();
    const polling = pollDevice(device, { ...rest, signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    await assert.rejects(polling, (e) => e === reason);
    await assert.rejects(pollDevice(device, { ...rest, signal: AbortSignal.abort(reason) }), (e) => e === reason);
  });

  const started = { auth_req_id: "ar-1", expires_in: 120, interval: 2 };
  const ask = (more: object = {}) =>
    startBackchannelAuthentication({ ...options(), hint: { login_hint: "alice" }, scope: "openid", ...more });

  it("CIBA: asks with one hint and polls for the tokens (CIBA Core §7.1, §7.3, §11)", async () => {
    server.answer(json(started));
    const request = await ask({ binding_message: "W4", requested_expiry: 120 });
    assert.deepEqual(request, { auth_req_id: "ar-1", expiresAt: time + 120_000, interval: 2 });
    const sent = Object.fromEntries(server.asked.at(-1)?.form ?? []);
    assert.deepEqual(sent, {
      login_hint: "alice",
      scope: "openid",
      binding_message: "W4",
      requested_expiry: "120",
      client_id: "c",
    });
    server.answer(pending, slowDown, json({ ...bearer, id_token: "x.y.z" }));
    const tokens = await pollBackchannelAuthentication(request, options());
    assert.equal(tokens.id_token, "x.y.z");
    assert.deepEqual(waits, [2, 2, 7]);
    const form = server.asked.at(-1)?.form;
    assert.deepEqual(
      [form?.get("grant_type"), form?.get("auth_req_id")],
      ["urn:openid:params:grant-type:ciba", "ar-1"],
    );
    server.answer(json(bearer));
    assert.equal((await fetchBackchannelTokens("ar-1", options())).access_token, "at-1");
  });

  it("CIBA: two hints, none, or a scope without openid are not sent (§7.1, CB-02)", async () => {
    const count = server.asked.length;
    for (const more of [{ hint: {} }, { hint: { login_hint: "a", id_token_hint: "b" } }, { scope: "profile" }]) {
      await assert.rejects(ask(more), is("configuration_invalid"));
    }
    assert.equal(server.asked.length, count);
    server.answer(json({ error: "unknown_user_id" }, 400));
    await assert.rejects(ask(), is("authorization_refused", "unknown_user_id"));
  });

  it("CIBA: a signed request holds everything, and nothing stands beside it (§7.1.1)", async () => {
    const key = await generateKey("ES256");
    server.answer(json(started));
    await ask({ signer: { private_key: key.privateJwk, alg: key.alg }, binding_message: "W4", requested_expiry: 60 });
    const form = server.asked.at(-1)?.form ?? assert.fail();
    assert.deepEqual([...form.keys()].sort(), ["client_id", "request"]);
    const { claims } = decodeUnverified(form.get("request") ?? "");
    const { login_hint, binding_message, requested_expiry, iss, aud, exp, nbf } = claims;
    assert.deepEqual([login_hint, binding_message, requested_expiry], ["alice", "W4", 60]);
    assert.deepEqual([iss, aud, exp, nbf], ["c", server.origin, time / 1000 + 300, time / 1000]);
  });

  it("CIBA: a ping counts with the token of its own request only (§10.2)", async () => {
    const tokenOf = (id: string) => (id === "ar-1" ? "notification-token-1" : undefined);
    const ping = (token: string | undefined, body: string, type = "application/json") => {
      const headers = new Headers({ "Content-Type": type });
      if (token !== undefined) headers.set("Authorization", `Bearer ${token}`);
      return readPing(new Request("https://app.example/ping", { method: "POST", headers, body }), tokenOf);
    };
    assert.equal(await ping("notification-token-1", '{"auth_req_id":"ar-1"}'), "ar-1");
    const bad: Parameters<typeof ping>[] = [
      ["notification-token-2", '{"auth_req_id":"ar-1"}'],
      [undefined, '{"auth_req_id":"ar-1"}'],
      ["undefined", '{"auth_req_id":"ar-2"}'],
      ["notification-token-1", '{"auth_req_id":"ar-2"}'],
      ["notification-token-1", '{"auth_req_id":1}'],
      ["notification-token-1", "{}"],
      ["notification-token-1", "x"],
      ["two, tokens", '{"auth_req_id":"ar-1"}'],
      ["notification-token-1", "auth_req_id=ar-1", "application/x-www-form-urlencoded"],
    ];
    for (const one of bad) await assert.rejects(ping(...one), is("response_invalid"), one.join(" "));
  });
});
