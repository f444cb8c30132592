import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { verifyJwt } from "@valetkey/protocol/jose";
import { formPost } from "@valetkey/provider/response-modes/form-post";
import { jwtResponses } from "@valetkey/provider/response-modes/jwt";
import { fragment, query } from "@valetkey/provider/response-modes/response-mode";
import { authorizeUrl, createWorld, issuer, keys, locationOf, rp, signIn } from "./op.ts";

async function ready(changes: Parameters<typeof createWorld>[0] = {}) {
  const world = await createWorld({ responseModes: [query, fragment, formPost, ...jwtResponses], ...changes });
  await world.addClient({ ...rp, client_id: "quick", client_name: `Quick "<b>" & co`, firstParty: true });
  const browser = world.browser();
  await signIn(world, browser, "alice");
  return { world, ask: (more: Record<string, string>) => browser.get(authorizeUrl({ client_id: "quick", ...more })) };
}

/** Fields of the form that posts itself. */
async function fieldsOf(response: Response): Promise<Record<string, string>> {
  const html = await response.text();
  assert.match(html, /<form method="post" action="https:\/\/rp\.test\/cb">/);
  const fields = [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
  return Object.fromEntries(fields.map(([, name, value]) => [name, value]));
}

async function open(jwt: string | undefined, audience = "quick") {
  const now = 1_800_000_000_000;
  const { claims } = await verifyJwt(jwt ?? "", {
    keys: await keys.published(),
    algorithms: ["RS256", "ES256"],
    issuer,
    audience,
    now,
  });
  return claims;
}

describe("response modes (Multiple Response Type Encoding §2.1)", () => {
  it("query unless asked otherwise; fragment keeps the answer from servers", async () => {
    const { ask } = await ready();
    const plain = locationOf(await ask({}));
    assert.ok(plain.url.searchParams.get("code"));
    const hidden = locationOf(await ask({ response_mode: "fragment" }));
    assert.equal(hidden.url.search, "");
    assert.deepEqual(Object.keys(hidden.parameters).sort(), ["code", "iss", "state"]);
  });

  it("form_post: a page whose form goes to the client, everything escaped (Form Post §2)", async () => {
    const { ask } = await ready();
    const response = await ask({ response_mode: "form_post", state: `"><script>alert(1)</script>` });
    assert.equal(response.status, 200);
    const { headers } = response;
    assert.equal(headers.get("cache-control"), "no-store");
    assert.match(
      headers.get("content-security-policy") ?? "",
      /^default-src 'none'; script-src 'sha256-[\w+/]{43}='; /,
    );
    assert.equal(headers.get("x-frame-options"), "DENY");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    const html = await response.clone().text();
    assert.equal(html.match(/<script/g)?.length, 1);
    assert.match(html, /Quick &quot;&lt;b&gt;&quot; &amp; co/);
    const fields = await fieldsOf(response);
    assert.equal(fields.state, "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
    assert.equal(fields.iss, issuer);
    assert.ok(fields.code);
  });

  it("form_post: the policy's hash is that of its script", async () => {
    const { ask } = await ready();
    const response = await ask({ response_mode: "form_post" });
    const [, script = ""] = /<script>(.*)<\/script>/.exec(await response.clone().text()) ?? [];
    const hash = Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(script))).toString("base64");
    assert.ok(response.headers.get("content-security-policy")?.includes(`'sha256-${hash}'`));
  });

  it("form_post: errors travel the same way, and a page without a link where nobody is signed in to be trusted", async () => {
    const { world, ask } = await ready();
    assert.equal((await fieldsOf(await ask({ response_mode: "form_post", scope: "nothing" }))).error, "invalid_scope");
    await world.addClient({ ...rp, client_id: "stranger", provenance: "dynamic" });
    const page = await world
      .browser()
      .get(authorizeUrl({ client_id: "stranger", response_mode: "form_post", scope: "nothing" }));
    assert.equal(page.status, 400);
    assert.doesNotMatch(await page.text(), /<a /);
  });
});

describe("answers as JWTs (JARM)", () => {
  it("a signed answer for this client alone, in the query, the fragment or a form (§2.3)", async () => {
    const { ask } = await ready();
    const inQuery = locationOf(await ask({ response_mode: "query.jwt" })).url;
    assert.deepEqual([...inQuery.searchParams.keys()], ["response"]);
    const claims = await open(inQuery.searchParams.get("response") ?? "");
    assert.deepEqual(Object.keys(claims).sort(), ["aud", "code", "exp", "iss", "state"]);
    assert.ok((claims.exp ?? 0) <= 1_800_000_000 + 600);
    const inFragment = locationOf(await ask({ response_mode: "fragment.jwt" }));
    assert.equal(inFragment.url.search, "");
    await open(inFragment.parameters.response);
    await open((await fieldsOf(await ask({ response_mode: "form_post.jwt" }))).response);
  });

  it("`jwt` is the one that suits the response type (§2.3.4)", async () => {
    const { ask } = await ready();
    assert.ok(locationOf(await ask({ response_mode: "jwt" })).url.searchParams.get("response"));
  });

  it("errors are signed too, and the algorithm is the registered one", async () => {
    const { world, ask } = await ready();
    const refused = await open(locationOf(await ask({ response_mode: "jwt", scope: "nothing" })).parameters.response);
    assert.equal(refused.error, "invalid_scope");
    await world.addClient({ ...rp, client_id: "es", firstParty: true, authorization_signed_response_alg: "ES256" });
    const jwt = locationOf(await ask({ client_id: "es", response_mode: "jwt" })).parameters.response ?? "";
    assert.equal(
      (JSON.parse(Buffer.from(jwt.split(".")[0] ?? "", "base64url").toString()) as { alg: string }).alg,
      "ES256",
    );
    await open(jwt, "es");
  });

  it("is announced, and is a page-shown mistake where it is not in the list", async () => {
    const { world } = await ready();
    const { metadata } = world.provider;
    assert.deepEqual(metadata.response_modes_supported, [
      "query",
      "fragment",
      "form_post",
      "query.jwt",
      "fragment.jwt",
      "form_post.jwt",
      "jwt",
    ]);
    assert.deepEqual(metadata.authorization_signing_alg_values_supported, ["RS256", "ES256"]);
    const plain = await createWorld();
    assert.deepEqual(plain.provider.metadata.response_modes_supported, ["query", "fragment", "form_post"]);
    assert.equal((await plain.browser().get(authorizeUrl({ response_mode: "jwt" }))).status, 400);
  });
});
