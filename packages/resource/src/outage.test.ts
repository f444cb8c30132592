/** An issuer that has been silent once: whoever comes with a token of known keys does not wait for the next attempt (RS-09). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { generateKey, type SigningKey, signJwt } from "@valetkey/protocol/jose";
import type { Fetch } from "@valetkey/protocol/read-json";
import { protectResource } from "./protect.ts";

const [issuer, audience] = ["https://id.example", "https://api.example"];

/** Gives what presents one good token, again and again, to an API that trusts the issuer. */
async function asking(key: SigningKey, fetch: Fetch, now: () => number): Promise<() => Promise<unknown>> {
  const { check } = protectResource({ issuer, audience, fetch, now });
  const iat = Math.floor(now() / 1000);
  const claims = { iss: issuer, aud: audience, sub: "alice", client_id: "app", jti: "1", iat, exp: iat + 90_000 };
  const token = await signJwt(claims, { key: key.privateJwk, alg: "ES256", kid: key.kid, typ: "at+jwt" });
  return () => check(new Request(audience, { headers: { Authorization: `Bearer ${token}` } }));
}

test("a discovery document that hangs keeps nobody waiting twice, while the keys are there", async () => {
  const key = await generateKey("ES256");
  let now = Date.now();
  let mode: "up" | "down" | "silent" = "up";
  const fetch: Fetch = async (url) => {
    if (String(url).endsWith("/jwks")) return Response.json({ keys: [key.publicJwk] });
    if (mode === "down") throw new Error("refused");
    return mode === "up"
      ? Response.json({ issuer, jwks_uri: `${issuer}/jwks` })
      : Promise.withResolvers<Response>().promise;
  };
  const ask = await asking(key, fetch, () => now);
  await ask();
  now += 660_000;
  mode = "down";
  await ask();
  mode = "silent";
  now += 11_000;
  const late = Promise.withResolvers<"late">();
  const timer = setTimeout(() => late.resolve("late"), 2_000);
  assert.notEqual(await Promise.race([ask(), late.promise]), "late");
  clearTimeout(timer);
});

test("while an issuer hangs, tokens of known keys are judged at once; keys it has retired meanwhile count no more when it is back", async () => {
  const key = await generateKey("ES256");
  let [now, keys] = [Date.now(), [key.publicJwk]];
  let mode: "up" | "down" | "silent" = "up";
  const silent: (() => void)[] = [];
  const fetch: Fetch = async (url) => {
    if (mode === "down") throw new Error("refused");
    if (mode === "silent") await new Promise<void>((_, reject) => silent.push(() => reject(new Error("timed out"))));
    return Response.json(String(url).endsWith("/jwks") ? { keys } : { issuer, jwks_uri: `${issuer}/jwks` });
  };
  const ask = await asking(key, fetch, () => now);

  await ask();
  now += 660_000;
  mode = "down";
  await ask();
  mode = "silent";
  for (let attempt = 0; attempt < 3; attempt++) {
    now += 11_000;
    const late = Promise.withResolvers<"late">();
    const timer = setTimeout(() => late.resolve("late"), 2_000);
    assert.notEqual(await Promise.race([ask(), late.promise]), "late", "nobody waits for what is silent");
    clearTimeout(timer);
  }
  now += 3_600_000;
  mode = "down";
  for (const fail of silent) fail();
  await assert.rejects(ask(), { status: 503 }, "for an hour at most");

  mode = "up";
  keys = [(await generateKey("ES256")).publicJwk];
  now += 11_000;
  // The first one may still be judged by what was known in the outage.
  await ask().catch(() => undefined);
  await new Promise(setImmediate);
  await assert.rejects(ask(), { error: "invalid_token" });
});
