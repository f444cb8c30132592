/**
 * A foreign client that nobody registered: the Model Context Protocol's own SDK, known by a document at its URL.
 *
 * draft-ietf-oauth-client-id-metadata-document-03, RFC 9728, RFC 8707, MCP 2026-07-28 (Authorization). The document is served over
 * TLS by a host on this machine, the client is a native one on loopback, and a person allows it on our pages.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { auth, type OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from "@modelcontextprotocol/sdk/shared/auth.js";
import { selfSigned } from "@valetkey/test-support/self-signed";
import { createBrowser } from "./lib/browser.ts";
import { useWorld } from "./lib/fixtures.ts";
import { introspect, read, signIn, walk } from "./lib/flow.ts";

/** Nobody listens there: the browser of the tests stops before it. The document names no port, as native clients' do. */
const redirectUrl = "http://localhost:9/callback";

describe("the MCP SDK signs in with a document as its client_id", () => {
  const servers: Server[] = [];
  let folder: string;
  let clientMetadataUrl: string;
  let serverUrl: string;
  let authorizationServer = "";
  let document: Record<string, unknown>;
  let fetched = 0;

  async function listening(server: Server): Promise<number> {
    servers.push(server.listen(0, "127.0.0.1"));
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  const json =
    (body: () => unknown): RequestListener =>
    (_request, response) =>
      response.setHeader("content-type", "application/json").end(JSON.stringify(body()));

  const world = useWorld(async () => {
    folder = await mkdtemp(join(tmpdir(), "valetkey-cimd-"));
    const { key, cert } = selfSigned("localhost");
    await writeFile(join(folder, "ca.pem"), cert);
    const host = createTlsServer({ key, cert }, (request, response) => {
      fetched++;
      json(() => document)(request, response);
    });
    clientMetadataUrl = `https://localhost:${await listening(host)}/oauth/client.json`;
    const resource = createServer(
      json(() => ({ resource: serverUrl, authorization_servers: [authorizationServer], scopes_supported: ["tools"] })),
    );
    serverUrl = `http://localhost:${await listening(resource)}/mcp`;
    document = {
      client_id: clientMetadataUrl,
      client_name: "Tool runner",
      redirect_uris: ["http://127.0.0.1/callback", "http://localhost/callback"],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    };
    return {
      env: { NODE_EXTRA_CA_CERTS: join(folder, "ca.pem") },
      config: { clientIdDocuments: true, resources: [{ resource: serverUrl, scopes: ["tools"] }] },
      clients: { tools: { introspects: [serverUrl] } },
    };
  });

  before(() => {
    authorizationServer = world().issuer;
  });

  after(async () => {
    for (const server of servers) server.close();
    await rm(folder, { recursive: true, force: true });
  });

  function createClient() {
    const saved: { information?: OAuthClientInformationMixed; tokens?: OAuthTokens; verifier?: string; at?: URL } = {};
    const provider: OAuthClientProvider = {
      redirectUrl,
      clientMetadataUrl,
      clientMetadata: { redirect_uris: [redirectUrl], client_name: "Not asked" } satisfies OAuthClientMetadata,
      clientInformation: () => saved.information,
      saveClientInformation: (information) => {
        saved.information = information;
      },
      tokens: () => saved.tokens,
      saveTokens: (tokens) => {
        saved.tokens = tokens;
      },
      redirectToAuthorization: (url) => {
        saved.at = url;
      },
      saveCodeVerifier: (verifier) => {
        saved.verifier = verifier;
      },
      codeVerifier: () => saved.verifier ?? "",
    };
    return { provider, saved };
  }

  it("finds the server, sends the person to our pages, gets tokens for its resource, and refreshes them", async () => {
    const { issuer, alice, client } = world();
    const { provider, saved } = createClient();
    assert.equal(await auth(provider, { serverUrl }), "REDIRECT");
    assert.equal(saved.information?.client_id, clientMetadataUrl);

    const browser = createBrowser(issuer);
    const login = await browser.open(saved.at ?? new URL(issuer));
    const consent = await signIn(browser, login, alice);
    assert.ok(consent.has("allow"), consent.text);
    assert.ok(consent.text.includes(`This app comes from ${new URL(clientMetadataUrl).host} ,`), consent.text);
    assert.match(consent.text, /You will be sent to an app on this computer, localhost:9/);
    const end = await walk(browser, consent, { user: alice });
    assert.equal(`${end.url.origin}${end.url.pathname}`, redirectUrl);

    const authorizationCode = end.url.searchParams.get("code") ?? "";
    assert.equal(await auth(provider, { serverUrl, authorizationCode }), "AUTHORIZED");
    const first = saved.tokens;
    const state = await introspect(issuer, client("tools"), first?.access_token ?? "");
    assert.equal(state.json.active, true);
    assert.deepEqual(
      [state.json.aud, state.json.client_id, state.json.sub],
      [serverUrl, clientMetadataUrl, alice.subject],
    );

    assert.equal(await auth(provider, { serverUrl }), "AUTHORIZED", "by its refresh token");
    assert.notEqual(saved.tokens?.access_token, first?.access_token);
    assert.equal(fetched, 1, "the document was fetched once");
  });

  it("is asked for again each time on loopback, and what the document does not name is refused on a page", async () => {
    const { issuer, alice } = world();
    const { provider, saved } = createClient();
    await auth(provider, { serverUrl });
    const browser = createBrowser(issuer);
    const consent = await signIn(browser, await browser.open(saved.at ?? new URL(issuer)), alice);
    assert.ok(consent.has("deny"));
    const wrong = new URL(saved.at ?? issuer);
    wrong.searchParams.set("redirect_uri", "http://localhost:9/elsewhere");
    const page = await browser.open(wrong);
    assert.equal(page.status, 400);
    assert.equal(page.foreign, false);
  });

  it("hosts of this machine are called because the issuer is here for development, by name and no other way", async () => {
    const { issuer } = world();
    const { port } = new URL(clientMetadataUrl);
    for (const host of ["127.0.0.2", "localhost.", "[::ffff:127.0.0.1]", "0.0.0.0"]) {
      const url = new URL("/authorize", issuer);
      url.searchParams.set("client_id", `https://${host}:${port}/oauth/client.json`);
      const reply = await read(await fetch(url, { redirect: "manual" }));
      assert.equal(reply.status, 400, host);
    }
    assert.equal(fetched, 1);
  });

  it("an operator stops it from the command line: it is unknown from then on, and its document is not fetched any more", async () => {
    const { issuer, server } = world();
    const stopped = await server.cli(["client", "set", clientMetadataUrl, "--disable", "--json"]);
    assert.equal(stopped.code, 0, stopped.stderr);
    const { provider, saved } = createClient();
    await auth(provider, { serverUrl });
    const page = await createBrowser(issuer).open(saved.at ?? new URL(issuer));
    assert.equal(page.status, 400);
    assert.equal(fetched, 1);
    const changed = await server.cli(["client", "set", clientMetadataUrl, "--name", "Another", "--json"]);
    assert.notEqual(changed.code, 0);
    assert.match(changed.stderr, /document at its URL/);
  });
});
