/**
 * An MCP server, its authorization server and a client nobody registered, each a program of its own: `examples/mcp`, with the client
 * authorization of the MCP SDK. The person has a real Chromium at our pages; at the foreign issuer (`oidc-provider`) a browser
 * without scripts is enough.
 *
 * Model Context Protocol 2026-07-28 and 2025-11-25 (Authorization), RFC 9728, RFC 8707, draft-ietf-oauth-client-id-metadata-document-03;
 * rows CN-02, CN-05, CI-10, RS-12.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Browser, type Page, startChromium } from "@valetkey/test-support/chromium";
import { type RunningProcess, startProcess } from "@valetkey/test-support/process";
import { selfSigned } from "@valetkey/test-support/self-signed";
import { createBrowser } from "./lib/browser.ts";
import { type ForeignProvider, startForeignProvider } from "./lib/foreign-provider.ts";
import { type RunningExample, startExample, twoPorts } from "./lib/running-example.ts";
import { freePort, startServer } from "./lib/server.ts";
import { considered, lookAt } from "./lib/visitor.ts";

const clientProgram = resolve(import.meta.dirname, "../../examples/mcp/dist/client.js");

/** Starts the client of the example; it says where the person has to go. */
const startClient = (app: string, env: Readonly<Record<string, string>> = {}): Promise<RunningProcess> =>
  startProcess(process.execPath, [clientProgram], {
    env: { PATH: process.env.PATH, MCP_URL: `${app}/mcp`, CLIENT_PORT: "0", ...env },
  });

/** Waits until the client asks for exactly these scopes, and gives the authorization request. Version 2 wants to stay signed in besides. */
async function asked(client: RunningProcess, ...scopes: string[]): Promise<URL> {
  const named = scopes.map(encodeURIComponent).join("\\+");
  const wanted = new RegExp(`^open \\S+[?&]scope=${named}(?:\\+offline_access&prompt=consent)?(?:&|$)`);
  return new URL((await client.waitForLine(wanted)).slice("open ".length));
}

/** The newest of either version of the SDK, and the version of the protocol it speaks with the server. */
const sdks = [
  ["2", "2026-07-28"],
  ["1", "2025-11-25"],
] as const;

/** What it says, with so many tax papers added by the end. */
const story = (version: string, papers: number) => [
  "401 error none, scope photos:read",
  "allowed photos:read",
  `connected, version ${version}`,
  "list_photos: Beach",
  "403 error insufficient_scope, scope photos:read photos:write",
  "allowed photos:read photos:write",
  "upload_photo: Tax papers is there",
  "403 error insufficient_scope, scope photos:read photos:write photos:private",
  "allowed photos:read photos:write photos:private",
  `list_photos: Beach${", Tax papers".repeat(papers)}`,
  // The access token is useless by now.
  "401 error invalid_token, scope photos:read",
  `list_photos: Beach${", Tax papers".repeat(papers)}`,
  "refreshed photos:read photos:write photos:private",
];

async function assertStory(client: RunningProcess, version: string, papers: number): Promise<void> {
  const { code } = await client.ended;
  const lines = client.stdout().trim().split("\n");
  const said = lines.filter((line) => !line.startsWith("open "));
  assert.deepEqual([code, client.stderr(), ...said], [0, "", ...story(version, papers)]);
}

describe("an MCP server with valetkey serve --mcp", () => {
  let chromium: Browser;
  let page: Page;
  let example: RunningExample;
  let folder: string;
  let host: Server;
  let clientMetadataUrl: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "valetkey-mcp-"));
    const { key, cert } = selfSigned("localhost");
    await writeFile(join(folder, "ca.pem"), cert);
    host = createTlsServer({ key, cert }, (_, response) => {
      const document = {
        client_id: clientMetadataUrl,
        client_name: "Photo helper",
        redirect_uris: ["http://127.0.0.1/callback"],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        token_endpoint_auth_method: "none",
      };
      response.setHeader("Content-Type", "application/json").end(JSON.stringify(document));
    }).listen(0, "127.0.0.1");
    await once(host, "listening");
    clientMetadataUrl = `https://localhost:${(host.address() as AddressInfo).port}/photo-helper.json`;
    example = await startExample("mcp", { env: { NODE_EXTRA_CA_CERTS: join(folder, "ca.pem") } });
    chromium = await startChromium();
    page = await chromium.newPage();
    page.setDefaultTimeout(10_000);
  });
  after(async () => {
    await chromium?.close();
    await example?.[Symbol.asyncDispose]();
    host?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("says which scope to ask for, and where its authorization server is; that one takes documents and registers nobody", async () => {
    const { app, issuer } = example;
    const refused = await fetch(`${app}/mcp`, { method: "POST", body: "{}" });
    assert.equal(refused.status, 401);
    const place = `${app}/.well-known/oauth-protected-resource/mcp`;
    const challenge = refused.headers.get("www-authenticate") ?? "";
    assert.ok(challenge.includes(`resource_metadata="${place}"`), challenge);
    assert.match(challenge, /scope="photos:read"/);
    const document = await (await fetch(place)).json();
    assert.partialDeepStrictEqual(document, { resource: `${app}/mcp`, authorization_servers: [issuer] });
    const metadata = (await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json()) as object;
    assert.partialDeepStrictEqual(metadata, {
      client_id_metadata_document_supported: true,
      authorization_response_iss_parameter_supported: true,
      code_challenge_methods_supported: ["S256"],
      scopes_supported: ["photos:read", "photos:write", "photos:private"],
    });
    assert.ok(!("registration_endpoint" in metadata));
    const said = example.process.stderr();
    assert.match(
      said,
      new RegExp(`protectMcp\\({ issuer: "${issuer}", resource: "${app}/mcp", scope: "photos:read" }`),
    );
  });

  it("the first account", async () => {
    const line = await example.process.waitForLine(/\/setup\?token=/);
    await page.goto(/http:\S+\/setup\?token=\S+/.exec(line)?.[0] ?? "");
    await page.fill("#email", "ada@example.test");
    await page.fill("#name", "Ada");
    await page.fill("#password", "a long walk by the sea");
    await page.click("#submit");
    await page.waitForURL(/\/account/);
  });

  for (const [at, [MCP_SDK, version]] of sdks.entries())
    it(`SDK ${MCP_SDK}: the whole story: sign-in, a tool, more scope twice (403, union), refresh`, async () => {
      const { app, issuer } = example;
      await page.context().clearCookies();
      const client = await startClient(app, { MCP_SDK, CLIENT_METADATA_URL: clientMetadataUrl });
      const allow = async (...words: string[]) => {
        await page.waitForSelector("#allow");
        await lookAt(page, "consent");
        const text = (await page.textContent("body")) ?? "";
        for (const word of ["Photo helper", new URL(clientMetadataUrl).host, "127.0.0.1", `${app}/mcp`, ...words])
          assert.ok(text.includes(word), `${word}\n${text}`);
        await considered(page);
        await page.click("#allow");
        await page.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\/callback\?/);
        assert.match((await page.textContent("body")) ?? "", /Done/);
      };
      const first = await asked(client, "photos:read");
      assert.partialDeepStrictEqual(Object.fromEntries(first.searchParams), {
        client_id: clientMetadataUrl,
        resource: `${app}/mcp`,
        code_challenge_method: "S256",
      });
      await page.goto(first.href);
      await page.waitForURL(`${issuer}/login**`);
      await page.fill("#username", "ada@example.test");
      await page.fill("#password", "a long walk by the sea");
      await page.click("#submit");
      await allow("See your photos");

      await page.goto((await asked(client, "photos:read", "photos:write")).href);
      await allow("Add photos");
      await page.goto((await asked(client, "photos:read", "photos:write", "photos:private")).href);
      await allow("See your private photos");
      await assertStory(client, version, at + 1);
    });

  for (const [MCP_SDK] of sdks) {
    it(`SDK ${MCP_SDK}: in development the client's own loopback server has its document; who does not allow it gives it nothing`, async () => {
      const client = await startClient(example.app, { MCP_SDK });
      const url = await asked(client, "photos:read");
      assert.match(url.searchParams.get("client_id") ?? "", /^http:\/\/127\.0\.0\.1:\d+\/client\.json$/);
      await page.goto(url.href);
      await page.waitForSelector("#deny");
      await considered(page);
      await page.click("#deny");
      await page.waitForURL(/\/callback\?.*error=access_denied/);
      assert.notEqual((await client.ended).code, 0);
      assert.match(client.stderr(), /access_denied|did not allow/);
      assert.doesNotMatch(client.stdout(), /list_photos/);
    });

    it(`SDK ${MCP_SDK}: an answer of another issuer, or of none, ends the sign-in before the code goes anywhere (RFC 9207 §2.4)`, async () => {
      for (const iss of [{ iss: "https://evil.example" }, {}] as { iss: string }[]) {
        const client = await startClient(example.app, { MCP_SDK });
        const { searchParams } = await asked(client, "photos:read");
        const back = new URL(searchParams.get("redirect_uri") ?? "");
        const state = searchParams.get("state") ?? "";
        back.search = `${new URLSearchParams({ code: "stolen", state: "guessed", ...iss })}`;
        assert.equal((await fetch(back)).status, 400);
        back.search = `${new URLSearchParams({ code: "stolen", state, ...iss })}`;
        assert.equal((await fetch(back)).status, 200);
        assert.notEqual((await client.ended).code, 0);
        assert.match(client.stderr(), /IssuerMismatchError|not from the authorization server/);
      }
    });
  }
});

describe("valetkey serve --mcp", () => {
  it("registers clients only when asked to, and keeps what the configuration says besides", async () => {
    const url = `http://localhost:${await freePort()}/mcp`;
    const other = { resource: "https://api.example.test", scopes: ["other"] };
    await using server = await startServer({
      args: ["--mcp", url, "--registration", "open"],
      config: { resources: [other, { resource: url, scopes: ["old"] }], scopes: { other: "Other things" } },
    });
    const metadata = await (await fetch(`${server.issuer}/.well-known/oauth-authorization-server`)).json();
    assert.partialDeepStrictEqual(metadata, {
      registration_endpoint: `${server.issuer}/register`,
      scopes_supported: ["other", "mcp"],
    });
    for (const args of [
      ["--mcp-scope", "mcp"],
      ["--mcp", "http://mcp.example/mcp"],
    ]) {
      const refused = await server.cli(["serve", "--port", "0", ...args]);
      assert.equal(refused.code, 2, refused.stderr);
      assert.match(refused.stderr, /--mcp/);
    }
  });
});

describe("the same MCP server with a foreign issuer", () => {
  let provider: ForeignProvider;
  let example: RunningExample;
  const callbacks = new Map<string, number>();

  before(async () => {
    for (const [sdk] of sdks) callbacks.set(sdk, await freePort());
    const ports = await twoPorts();
    const app = `http://localhost:${ports.appPort}`;
    provider = await startForeignProvider(
      [
        {
          client_id: "photo-helper",
          token_endpoint_auth_method: "none",
          application_type: "native",
          redirect_uris: [...callbacks.values()].map((port) => `http://127.0.0.1:${port}/callback`),
          grant_types: ["authorization_code", "refresh_token"],
          response_types: ["code"],
        },
      ],
      {
        features: {
          resourceIndicators: {
            enabled: true,
            getResourceServerInfo: async (_: unknown, resource: string) => ({
              scope: "photos:read photos:write photos:private",
              audience: resource,
              accessTokenTTL: 300,
              accessTokenFormat: "jwt",
              jwt: { sign: { alg: "ES256" } },
            }),
          },
        },
      },
    );
    example = await startExample("mcp", { ports, env: { MCP_ISSUER: provider.issuer } });
    assert.equal(example.app, app);
  });
  after(async () => {
    await example?.[Symbol.asyncDispose]();
    await provider?.[Symbol.asyncDispose]();
  });

  for (const [at, [MCP_SDK, version]] of sdks.entries())
    it(`SDK ${MCP_SDK}: the whole story with a registered client: sign-in, a tool, more scope twice (403, union), refresh`, async () => {
      const CLIENT_PORT = String(callbacks.get(MCP_SDK));
      const client = await startClient(example.app, { MCP_SDK, CLIENT_ID: "photo-helper", CLIENT_PORT });
      const browser = createBrowser([provider.issuer, `http://127.0.0.1:${CLIENT_PORT}`]);
      const scopes = ["photos:read", "photos:write", "photos:private"];
      for (const count of [1, 2, 3]) {
        const url = await asked(client, ...scopes.slice(0, count));
        assert.equal(url.origin, provider.issuer);
        const end = await browser.open(url);
        assert.match(end.text, /Done/);
      }
      await assertStory(client, version, at + 1);
    });
});
