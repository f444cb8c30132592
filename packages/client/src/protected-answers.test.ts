/** Signed and encrypted answers, ID tokens and userinfo: what was agreed is demanded, and what is forged is refused. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { atHash } from "@valetkey/protocol/id-token";
import { encryptJwt, generateKey, type Jwk } from "@valetkey/protocol/jose";
import { Browser, type HostileIssuer, sign, startIssuer } from "./lib/hostile-issuer.test.ts";
import { outcome, startApp } from "./lib/test-app.test.ts";
import { type OidcOptions, oidc } from "./oidc.ts";

type Claims = Record<string, unknown>;
const pair = (kid: string): { own: Jwk; given: Jwk } => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const own = { ...privateKey.export({ format: "jwk" }), kid, alg: "ECDH-ES", use: "enc" } as unknown as Jwk;
  const { d: _, ...given } = own;
  return { own, given };
};
const ours = pair("ours");
const sealedFor = (key: Jwk, enc: "A128GCM" | "A256GCM" = "A256GCM") => ({ key, alg: "ECDH-ES", enc }) as const;
const now = () => Math.floor(Date.now() / 1000);

test("where signed answers were asked for, no other counts, and only this issuer's for this client (JARM §2.4, RP-25)", async () => {
  await using issuer = await startIssuer();
  const provider = { response_mode: "jwt", authorization_signed_response_alg: "ES256" } as const;
  const foreign = { ...(await generateKey("ES256")), kid: issuer.key.kid };
  const answer = async (change: Claims = {}, key = issuer.key) => {
    await using app = await startApp(issuer.url, { provider });
    const browser = new Browser();
    const left = new URL((await browser.get(`${app.url}/auth/login/acme`)).headers.get("location") ?? "");
    assert.equal(left.searchParams.get("response_mode"), "jwt");
    const back = await fetch(left, { redirect: "manual" });
    const { code, state } = Object.fromEntries(new URL(back.headers.get("location") ?? "").searchParams);
    const response = await sign({ iss: issuer.url, aud: "app", exp: now() + 60, code, state, ...change }, key);
    const page = await browser.get(`${app.url}/auth/callback/acme?response=${response}`);
    return /<small>(\w+),/.exec(await page.text())?.[1];
  };
  assert.equal(await answer(), undefined, "a good one signs in");
  const sent = issuer.tokenRequests.length;
  assert.equal(await outcome(issuer, provider), "response_invalid", "plain parameters");
  assert.equal(await answer({}, foreign), "response_invalid");
  assert.equal(await answer({ iss: "https://evil.example" }), "issuer_mismatch");
  assert.equal(await answer({ aud: "another" }), "response_invalid");
  assert.equal(await answer({ exp: now() - 120 }), "response_invalid");
  assert.equal(await answer({ state: "another" }), "transaction_missing");
  assert.equal(await answer({ error: "access_denied" }), "access_denied");
  assert.equal(issuer.tokenRequests.length, sent, "no code was sent anywhere");
});

test("an ID token is decrypted where that was agreed, and refused in the clear (Core §3.1.3.7 step 1, §10.2)", async () => {
  await using issuer = await startIssuer();
  const provider = {
    id_token_encrypted_response_alg: "ECDH-ES",
    id_token_encrypted_response_enc: "A256GCM",
    decryption_keys: [ours.own],
  } as const;
  assert.equal(await outcome(issuer, provider), "id_token_invalid", "in the clear");
  const sealing = (key: Jwk, enc?: "A128GCM") => async (claims: Claims, own: HostileIssuer["key"]) =>
    encryptJwt(await sign(claims, own), sealedFor(key, enc));
  issuer.mischief.sign = sealing(ours.given);
  assert.equal(await outcome(issuer, provider), undefined);
  assert.equal(await outcome(issuer, {}), "id_token_invalid", "encrypted though that was never agreed");
  issuer.mischief.sign = sealing(ours.given, "A128GCM");
  assert.equal(await outcome(issuer, provider), "id_token_invalid", "another encryption than agreed");
  issuer.mischief.sign = sealing(pair("ours").given);
  assert.equal(await outcome(issuer, provider), "id_token_invalid", "for somebody else's key");
  const foreign = { ...(await generateKey("ES256")), kid: issuer.key.kid };
  issuer.mischief.sign = async (claims) => encryptJwt(await sign(claims, foreign), sealedFor(ours.given));
  assert.equal(await outcome(issuer, provider), "id_token_invalid", "sealed well, signed by a stranger");
  issuer.mischief.sign = async (claims) => encryptJwt(JSON.stringify(claims), sealedFor(ours.given));
  assert.equal(await outcome(issuer, provider), "id_token_invalid", "sealed but not signed");
});

test("an encrypted ID token is compared after a refresh too, and its person must be the same (Core §12.2)", async () => {
  await using issuer = await startIssuer();
  const provider = {
    id_token_encrypted_response_alg: "ECDH-ES",
    id_token_encrypted_response_enc: "A256GCM",
    decryption_keys: [ours.own],
  } as const;
  issuer.expiresIn = 0;
  issuer.mischief.sign = async (claims, own) => encryptJwt(await sign(claims, own), sealedFor(ours.given));
  await using app = await startApp(issuer.url, {
    provider,
    act: async (auth) => (await auth.fetch("acme", `${issuer.url}/api`)).status,
  });
  const browser = new Browser();
  const hintOf = async (from: Browser) => {
    const headers = { Origin: app.url, "Content-Type": "application/x-www-form-urlencoded" };
    const left = await from.get(`${app.url}/auth/logout`, { method: "POST", body: "provider=true", headers });
    return new URL(left.headers.get("location") ?? "").searchParams.get("id_token_hint") ?? "";
  };
  for (const turn of ["signed in", "refreshed"]) {
    const leaving = new Browser();
    await leaving.follow(`${app.url}/me`);
    if (turn === "refreshed") await leaving.get(`${app.url}/act`);
    // RP-Initiated Logout §2: the issuer is shown the token it signed.
    assert.equal((await hintOf(leaving)).split(".").length, 3, turn);
  }
  await browser.follow(`${app.url}/me`);
  assert.equal(await (await browser.get(`${app.url}/act`)).json(), 200);
  issuer.mischief.idToken = (claims) => ({ ...claims, sub: "bob" });
  assert.equal(((await (await browser.get(`${app.url}/act`)).json()) as Claims).code, "sign_in_again");
});

test("a c_hash or at_hash that is there must fit the code and the token (Core §3.1.3.6, §3.3.2.11, RP-06)", async () => {
  await using issuer = await startIssuer();
  const hashes = async (c_hash: unknown) => {
    issuer.mischief.idToken = (claims) => ({ ...claims, c_hash });
    return outcome(issuer, {});
  };
  assert.equal(await hashes(await atHash("another code", "ES256")), "id_token_invalid");
  assert.equal(await hashes(7), "id_token_invalid");
  assert.equal(await hashes(""), "id_token_invalid");
  assert.equal(await hashes(undefined), undefined, "optional with a code that was exchanged");
  issuer.mischief.sign = async (claims, key) => {
    const code = issuer.tokenRequests.at(-1)?.get("code") ?? "";
    return sign({ ...claims, c_hash: await atHash(code, "ES256") }, key);
  };
  assert.equal(await hashes(undefined), undefined, "the right one");
});

test("userinfo is signed and encrypted as agreed, by this issuer, for this client, about this person (Core §5.3.2, RP-07)", async () => {
  await using issuer = await startIssuer();
  const good = { iss: issuer.url, aud: "app", sub: "alice", name: "Alice Signed" };
  const signed = { userinfo_signed_response_alg: "ES256" } as const;
  const sealed = {
    userinfo_encrypted_response_alg: "ECDH-ES",
    userinfo_encrypted_response_enc: "A256GCM",
    decryption_keys: [ours.own],
  } as const;
  const foreign = { ...(await generateKey("ES256")), kid: issuer.key.kid };
  const answering = async (body: string, provider: Partial<OidcOptions>) => {
    issuer.mischief.userinfo = () => ({ body, headers: { "Content-Type": "application/jwt" } });
    return outcome(issuer, provider);
  };
  const jwt = await sign(good, issuer.key);
  assert.equal(await answering(jwt, signed), undefined);
  assert.equal(await answering(jwt, {}), "userinfo_invalid", "signed though that was never agreed");
  assert.equal(await answering(JSON.stringify(good), signed), "userinfo_invalid", "in the clear");
  assert.equal(await answering(await sign(good, foreign), signed), "userinfo_invalid", "by a stranger");
  assert.equal(await answering(await sign({ ...good, aud: "another" }, issuer.key), signed), "userinfo_invalid");
  assert.equal(await answering(await sign({ ...good, aud: undefined }, issuer.key), signed), "userinfo_invalid");
  assert.equal(await answering(await sign({ ...good, iss: "https://evil" }, issuer.key), signed), "userinfo_invalid");
  assert.equal(await answering(await sign({ ...good, sub: "bob" }, issuer.key), signed), "userinfo_subject_mismatch");
  const both = await encryptJwt(jwt, sealedFor(ours.given));
  assert.equal(await answering(both, { ...signed, ...sealed }), undefined);
  assert.equal(await answering(jwt, { ...signed, ...sealed }), "userinfo_invalid", "signed only");
  assert.equal(await answering(await encryptJwt(JSON.stringify(good), sealedFor(ours.given)), sealed), undefined);
  const stranger = await encryptJwt(JSON.stringify(good), sealedFor(pair("ours").given));
  assert.equal(await answering(stranger, sealed), "userinfo_invalid", "for somebody else's key");
});

test("signing algorithms, keys and ages that cannot be are refused when the provider is named", () => {
  const issuer = "https://id.example";
  const bad: Partial<OidcOptions>[] = [
    { userinfo_signed_response_alg: "none" as never },
    { authorization_signed_response_alg: "HS256" as never },
    { id_token_encrypted_response_alg: "ECDH-ES" },
    { userinfo_encrypted_response_alg: "ECDH-ES", decryption_keys: [] },
    { max_age: -1 },
    { response_type: "code id_token" },
    { max_age: 1.5 },
    { issuer_template: "http://id.example/{tid}" },
    { api: "http://api.example" },
  ];
  for (const options of bad)
    assert.throws(() => oidc("acme", { issuer, ...options }), { code: "configuration_invalid" });
});

test("an ID token that comes along with the code is verified with it before the code is used (Core §3.3.2.8 to §3.3.2.12)", async () => {
  await using issuer = await startIssuer();
  const hybrid = { response_type: "code id_token", response_mode: "form_post" } as const;
  await using app = await startApp(issuer.url, { provider: hybrid });
  const arrive = async (
    change: (claims: Claims, code: string) => Claims | Promise<Claims> | undefined,
    key = issuer.key,
  ) => {
    const browser = new Browser();
    const left = new URL((await browser.get(`${app.url}/auth/login/acme`)).headers.get("location") ?? "");
    assert.equal(left.searchParams.get("response_type"), "code id_token");
    const back = new URL((await fetch(left, { redirect: "manual" })).headers.get("location") ?? "");
    const code = back.searchParams.get("code") ?? "";
    const good = {
      iss: issuer.url,
      sub: "alice",
      aud: "app",
      iat: now(),
      exp: now() + 60,
      nonce: left.searchParams.get("nonce"),
    };
    const claims = await change({ ...good, c_hash: await atHash(code, "ES256") }, code);
    if (claims !== undefined) back.searchParams.set("id_token", await sign(claims, key));
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    const page = await browser.get(back.origin + back.pathname, {
      method: "POST",
      body: back.search.slice(1),
      headers,
    });
    return /<small>(\w+),/.exec(await page.text())?.[1];
  };
  assert.equal(await arrive((claims) => claims), undefined, "a good one signs in");
  const sent = issuer.tokenRequests.length;
  assert.equal(await arrive(() => undefined), "id_token_missing");
  assert.equal(await arrive((claims) => ({ ...claims, c_hash: undefined })), "id_token_invalid");
  assert.equal(
    await arrive(async (claims) => ({ ...claims, c_hash: await atHash("another", "ES256") })),
    "id_token_invalid",
  );
  assert.equal(await arrive((claims) => ({ ...claims, nonce: "another" })), "id_token_invalid");
  assert.equal(await arrive((claims) => ({ ...claims, aud: "another" })), "id_token_invalid");
  const foreign = { ...(await generateKey("ES256")), kid: issuer.key.kid };
  assert.equal(await arrive((claims) => claims, foreign), "id_token_invalid");
  assert.equal(issuer.tokenRequests.length, sent, "no code was sent");
  assert.equal(await arrive((claims) => ({ ...claims, sub: "bob" })), "id_token_invalid", "two people");
});
