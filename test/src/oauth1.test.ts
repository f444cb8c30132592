/**
 * OAuth 1.0a at our own server, as a process of its own: our client and requests_oauthlib, people in a real Chromium.
 *
 * RFC 5849 §2, §3; WCAG 2.2 AA by axe. Rows O1-05, O1-10, O1-12 of the catalogue of attacks.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { oauth1 } from "@valetkey/client/create-oauth";
import { oauth1AuthorizationUrl } from "@valetkey/client/oauth1-authorization-url";
import { checkOAuth1Callback } from "@valetkey/client/oauth1-callback";
import { oauth1Session } from "@valetkey/client/oauth1-session";
import { requestTemporaryCredentials } from "@valetkey/client/oauth1-temporary-credentials";
import { requestTokenCredentials } from "@valetkey/client/oauth1-token-credentials";
import type { Jwk } from "@valetkey/protocol/jwk";
import { protectOAuth1 } from "@valetkey/resource/oauth1";
import { axeViolations, type Browser, type Page, startChromium } from "@valetkey/test-support/chromium";
import { assertCalm, startClientApp } from "./lib/client-app.ts";
import { useWorld } from "./lib/fixtures.ts";
import { connectInPython, sendInPython, skip } from "./lib/oauth1-python.ts";
import { freePort } from "./lib/server.ts";
import { allow, arrives, considered } from "./lib/visitor.ts";

const scope = "openid profile email statuses:read";
const nowhere = "http://127.0.0.1:9/callback?from=valetkey";
const longName = "An old bird that sings, with a rather long name as people give them to their applications";
const api = "https://api.example.test/";
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const publicKey = rsa.publicKey.export({ format: "jwk" });

describe("OAuth 1.0a at our server", { concurrency: 2 }, () => {
  const ports = { app: 0 };
  const world = useWorld(async () => {
    ports.app = await freePort();
    const signing = (oauth1_signature_methods: readonly string[], more: Record<string, unknown> = {}) => ({
      more: { oauth1_signature_methods, ...more },
    });
    const hmac = ["HMAC-SHA1", "HMAC-SHA256"];
    const client = { name: longName, scope, redirect_uris: [nowhere] };
    const redirect_uris = [`http://127.0.0.1:${ports.app}/auth/callback/valetkey`];
    const jwks = { keys: [{ ...publicKey, kid: "one" }] };
    return {
      clients: {
        bird: { ...client, ...signing([...hmac, "RSA-SHA1", "RSA-SHA256"], { jwks }) },
        app: { ...client, name: "Old App", redirect_uris, ...signing(hmac) },
        api: { name: "The API", grant_types: ["client_credentials"], redirect_uris: [], introspects: [api] },
        script: { ...client, name: "A script", redirect_uris: [], ...signing(hmac) },
      },
      config: {
        oauth1: true,
        resources: [{ resource: api, scopes: ["statuses:read"] }],
        scopes: { "statuses:read": "Read your timeline" },
      },
    };
  });
  let chromium: Browser;
  before(async () => {
    chromium = await startChromium();
  });
  after(() => chromium?.close());

  const open = async (javaScriptEnabled = true) => {
    const context = await chromium.newContext({ javaScriptEnabled, viewport: { width: 320, height: 700 } });
    context.setDefaultTimeout(8_000);
    return { context, page: await context.newPage(), [Symbol.asyncDispose]: () => context.close() };
  };
  const prove = async (page: Page) => {
    await page.fill("#username", world().alice.email);
    await page.fill("#password", world().alice.password);
    await page.click("#submit");
  };
  /** Signs in and decides; gives the address the browser is sent to, which nobody answers. */
  const visit = async (page: Page, url: string, decision: "allow" | "deny" = "allow"): Promise<URL> => {
    await page.goto(url);
    await prove(page);
    await page.waitForSelector("#allow");
    await considered(page);
    const left = page.waitForRequest((request) => request.url().startsWith("http://127.0.0.1:9/"));
    await page.click(`#${decision}`).catch(() => undefined);
    return new URL((await left).url());
  };

  it("an application made with createOAuth signs people in, calls the API and hears that access was taken back", async () => {
    const { issuer, client, alice } = world();
    const { client_id, client_secret = "" } = client("app");
    const provider = oauth1("valetkey", {
      issuer,
      client_id,
      client_secret,
      request_token_endpoint: `${issuer}/oauth1/initiate`,
      authorization_endpoint: `${issuer}/oauth1/authorize`,
      token_endpoint: `${issuer}/oauth1/token`,
      api: issuer,
      profile: async (api) => {
        const me = await api.json("/userinfo");
        return { id: String(me.sub), name: String(me.name), claims: me };
      },
    });
    const origin = `http://127.0.0.1:${ports.app}`;
    await using app = await startClientApp({ port: ports.app, providers: [provider], api: `${issuer}/userinfo` });
    await using person = await open();
    const { page } = person;
    await page.goto(`${origin}/wanted`);
    await prove(page);
    await page.waitForSelector("#allow");
    await arrives(allow(page), page, `${origin}/wanted`);
    assert.equal(await page.textContent("#name"), "Alice");
    await page.goto(`${origin}/call`);
    assert.equal(JSON.parse((await page.textContent("#answer")) ?? "").sub, alice.subject);
    assertCalm(app);

    await page.goto(`${issuer}/account/apps`);
    assert.match((await page.textContent("main")) ?? "", /Old App[\s\S]*Read your timeline/);
    await page.click(`button[value="${client_id}"]`);
    await page.waitForLoadState();
    assert.doesNotMatch((await page.textContent("main")) ?? "", /Old App/);
    // The token is of no use any more, and the application knows what that means.
    await page.goto(`${origin}/call`);
    assert.match((await page.textContent("main")) ?? "", /sign_in_again/);
    assert.equal(app.answers.at(-1), "401 GET /call");
  });

  it("our functions one by one: three legs, a no, signed requests in every method and placement (RFC 5849 §2, §3.5)", async () => {
    const { issuer, client: registered } = world();
    const { client_id, client_secret = "" } = registered("bird");
    const client = { client_id, client_secret };
    const oauth_callback = nowhere;
    const leave = () =>
      requestTemporaryCredentials({ request_token_endpoint: `${issuer}/oauth1/initiate`, client, oauth_callback });
    const to = (oauth_token: string) =>
      oauth1AuthorizationUrl({ authorization_endpoint: `${issuer}/oauth1/authorize`, oauth_token }).href;
    const refused = await leave();
    {
      await using person = await open();
      const back = await visit(person.page, to(refused.oauth_token), "deny");
      assert.throws(() => checkOAuth1Callback(back, refused), { code: "access_denied" });
    }
    await using person = await open(false);
    const temporary = await leave();
    const back = await visit(person.page, to(temporary.oauth_token));
    assert.equal(back.searchParams.get("from"), "valetkey");
    const { oauth_verifier } = checkOAuth1Callback(back, temporary);
    const credentials = await requestTokenCredentials({
      token_endpoint: `${issuer}/oauth1/token`,
      client,
      ...temporary,
      oauth_verifier,
    });
    const { oauth_token: token, oauth_token_secret: token_secret } = credentials;
    const private_key = rsa.privateKey.export({ format: "jwk" }) as unknown as Jwk;
    for (const signature_method of ["HMAC-SHA1", "HMAC-SHA256", "RSA-SHA1", "RSA-SHA256"] as const) {
      for (const placement of ["header", "query"] as const) {
        const session = oauth1Session({ ...client, private_key, signature_method, placement, token, token_secret });
        const answer = await session.fetch(`${issuer}/userinfo?q=%7Ea%2Bb+c&q=&q=%C3%A9&a-=1&a1=2&a=3`);
        assert.equal(answer.status, 200, `${signature_method} ${placement}: ${await answer.text()}`);
      }
    }

    // An API elsewhere asks the server about each request; the secrets stay there.
    const { client_id: own, client_secret: ownSecret = "" } = registered("api");
    const { requireOAuth1 } = protectOAuth1({
      issuer,
      audience: api,
      introspection: { client_id: own, client_secret: ownSecret },
      bodyHash: "required",
    });
    const timeline = requireOAuth1("statuses:read")(async (request, { sub }) =>
      Response.json({ sub, posted: await request.text() }),
    );
    const sent: Request[] = [];
    const session = oauth1Session({
      ...client,
      token,
      token_secret,
      fetch: async (url, init) => {
        sent.push(new Request(url, init));
        return timeline(sent.at(-1)?.clone() ?? new Request(api));
      },
    });
    const body = new URLSearchParams([
      ["status", "hello & é"],
      ["status", ""],
    ]);
    const posted = await session.fetch(`${api}statuses?a=%7E&a=`, { method: "POST", body });
    assert.deepEqual(await posted.json(), { sub: world().alice.subject, posted: body.toString() });
    const again = await timeline(sent[0] ?? assert.fail());
    assert.equal(again.status, 401);
    assert.match(await again.text(), /^oauth_problem=nonce_used&/);
    const json = await session.fetch(`${api}statuses`, {
      method: "POST",
      body: "{}",
      headers: { "Content-Type": "application/json" },
    });
    assert.match(await json.text(), /^oauth_problem=parameter_absent&oauth_parameters_absent=oauth_body_hash&/);
  });

  it("requests_oauthlib: the steps of its tutorials, and what it signs with hostile names and values (O1-05)", {
    skip,
  }, async () => {
    const { issuer, client, alice } = world();
    const { client_id, client_secret } = client("bird");
    await using person = await open();
    const app = { site: issuer, client_id, client_secret, callback: nowhere };
    const connected = await connectInPython(app, async (url) => ({ redirect: (await visit(person.page, url)).href }));
    assert.equal(connected.data.sub, alice.subject);
    assert.equal(connected.data.name, "Alice");

    const hostile = [
      ["q", "a&b=c"],
      ["é", "漢 +~"],
      ["q", ""],
      ["a-", "1"],
      ["a1", "%7E"],
      ["a", "%2B + %20"],
    ];
    const { token, token_secret } = connected;
    const common = { client_id, client_secret, token, token_secret, realm: "Photos", url: `${issuer}/userinfo` };
    const rsa_key = rsa.privateKey.export({ type: "pkcs8", format: "pem" });
    const requests = ["HMAC-SHA1", "HMAC-SHA256", "RSA-SHA1", "RSA-SHA256"].flatMap((signature_method) =>
      ["AUTH_HEADER", "BODY", "QUERY"].flatMap((signature_type) => {
        const key = signature_method.startsWith("RSA") ? { rsa_key } : {};
        const about = { ...common, signature_method, signature_type, ...key };
        const form = { ...about, method: "POST", params: hostile, data: hostile };
        const json = { ...about, method: "POST", params: hostile, json: { a: "b" } };
        const get = { ...about, method: "GET", params: hostile };
        return signature_type === "BODY" ? [form] : [form, json, get];
      }),
    );
    const wrong = { ...requests[0], token_secret: "wrong" };
    assert.deepEqual(await sendInPython([...requests, wrong]), [...requests.map(() => 200), 401]);
  });

  it("a script without a callback: a code on our page, light and dark, 320 px wide, typed into requests_oauthlib (oob)", {
    skip,
  }, async () => {
    const { issuer, client, alice } = world();
    const { client_id, client_secret } = client("script");
    await using person = await open();
    const { page } = person;
    const problems: string[] = [];
    page.on("console", (line) => {
      if (line.type() === "error") problems.push(line.text());
    });
    const look = async (name: string) => {
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        for (const line of await axeViolations(page)) problems.push(`${name} (${colorScheme}): ${line}`);
      }
      const wide = Number(await page.evaluate("document.documentElement.scrollWidth"));
      if (wide > 320) problems.push(`${name}: ${wide} px`);
    };
    const app = { site: issuer, client_id, client_secret, callback: "oob" };
    const connected = await connectInPython(app, async (url) => {
      await page.goto(url);
      await prove(page);
      await page.waitForSelector("#approval");
      assert.match((await page.textContent("main")) ?? "", /You will get a code to type into A script/);
      await look("consent");
      await allow(page);
      await page.waitForSelector("#verifier");
      await look("code");
      return { verifier: ((await page.textContent("#verifier")) ?? "").trim().toLowerCase() };
    });
    assert.equal(connected.data.sub, alice.subject);
    for (const end of ["?done=denied", "?done=failed", "", "?done=approved&client_id=script&oauth_verifier=%3Cb%3E"]) {
      await page.goto(`${issuer}/oauth1/code${end}`);
      assert.equal(await page.locator("#verifier").count(), 0, end);
      await look(end);
    }
    assert.deepEqual(problems, []);
  });

  it("client add --oauth1 registers one, and says where it is of no use", async () => {
    const { server } = world();
    const named = ["client", "add", "--name", "Heron", "--oauth1", "--json"];
    const made = await server.cli([...named, "--scope", "openid", "--redirect-uri", nowhere]);
    assert.equal(made.code, 0, made.stderr);
    assert.deepEqual(made.json.oauth1_signature_methods, ["HMAC-SHA256", "HMAC-SHA1"]);
    assert.deepEqual(made.json.grant_types, []);
    const { client_id, client_secret } = made.json;
    const temporary = await requestTemporaryCredentials({
      request_token_endpoint: `${server.issuer}/oauth1/initiate`,
      client: { client_id, client_secret },
      oauth_callback: nowhere,
    });
    assert.match(temporary.oauth_token, /^vk_oauth1_/);
    const without = await server.cli(named);
    assert.equal(without.code, 2, without.stdout);
    assert.match(without.stderr, /--scope/);
  });
});
