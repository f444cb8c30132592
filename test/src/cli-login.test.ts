/**
 * `login` of @valetkey/client/cli-login, over HTTP: the browser comes back to loopback at our own server and at `oidc-provider`;
 * where no browser opens, a code for another device.
 *
 * RFC 8252 §6, §7.3 and §8, RFC 8628 §3, RFC 9700 §4.14, RFC 7009.
 */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { findLogin, type LoginOptions, login } from "@valetkey/client/cli-login";
import { type ClientErrorCode, isClientError } from "@valetkey/client/client-error";
import { startTestServer, type TestServer } from "@valetkey/provider/testing";
import { runProcess } from "@valetkey/test-support/process";
import { createBrowser, type PageOf } from "./lib/browser.ts";
import { codeAndRefresh, useWorld } from "./lib/fixtures.ts";
import { refresh, revoke, walk } from "./lib/flow.ts";
import { type ForeignGrants, startForeignGrants } from "./lib/foreign-grants.ts";
import { type ForeignProvider, foreigner, startForeignProvider } from "./lib/foreign-provider.ts";

const is = (code: ClientErrorCode) => (error: unknown) => isClientError(error, code);
const redirect_uri = "http://127.0.0.1/callback";
const native = { token_endpoint_auth_method: "none", application_type: "native", redirect_uris: [redirect_uri] };

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "valetkey-cli-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** What the program said to its person. */
const listen = (isTTY = false) => {
  let said = "";
  const write = (text: string): void => {
    said += text;
  };
  const output = { isTTY, columns: 120, write };
  return { output, said: () => said };
};

const onlyFile = async (): Promise<string> => {
  const files = await readdir(dir);
  assert.equal(files.length, 1, files.join());
  return join(dir, files[0] ?? "");
};

const nobody = (url: string): never => assert.fail(`nobody was to be asked, but ${url} was opened`);

describe("a program signs in at our server", () => {
  const world = useWorld(() => ({
    clients: { tool: { name: "Tool", pub: true, redirect_uris: [redirect_uri], grant_types: codeAndRefresh } },
  }));
  /** The person and their browser; what they saw last is in `last`. */
  const person = (decision: "allow" | "deny" = "allow") => {
    const browser = createBrowser(world().issuer);
    const seen: { url: URL; status: number; html: string }[] = [];
    const open = (url: string): boolean => {
      void (async () => {
        const page: PageOf = await walk(browser, new URL(url), { user: world().alice, decision });
        const back = await fetch(page.url);
        seen.push({ url: page.url, status: back.status, html: await back.text() });
      })();
      return true;
    };
    return { open, seen };
  };
  const options = (more: Partial<LoginOptions> = {}): LoginOptions => {
    const { output } = listen();
    return { issuer: world().issuer, clientId: "tool", dir, output, ...more };
  };

  it("through the browser; the page says that it may be closed, and nobody listens any more", async () => {
    const { output, said } = listen();
    const { open, seen } = person();
    const me = await login(options({ open, output }));
    const { alice, issuer } = world();
    assert.deepEqual([me.user.sub, me.user.email, me.user.name], [alice.subject, alice.email, alice.name]);
    const answer = await me.fetch(`${issuer}/userinfo`);
    assert.equal(((await answer.json()) as { email: string }).email, alice.email);
    assert.match(said(), /Opening the browser to sign in[\s\S]*\/authorize\?[\s\S]*Signed in as alice@example\.test/);
    const [page] = seen;
    assert.ok(page);
    assert.match(page.html, /<h1>Signed in<\/h1>\s*<p>You can close this window/);
    assert.equal(page.url.hostname, "127.0.0.1");
    await assert.rejects(fetch(page.url));
  });

  it("keeps the tokens where nobody else may read them, and asks nobody the next time", async () => {
    await login(options({ open: person().open }));
    const file = await onlyFile();
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const again = await login(options({ open: nobody }));
    assert.equal(again.user.sub, world().alice.subject);
    assert.equal((await findLogin(options({ open: nobody })))?.user.sub, world().alice.subject);
    assert.equal(await findLogin(options({ open: nobody, clientId: "other" })), undefined);
    // Asked for more than before, or asked to ask.
    const { open, seen } = person();
    await login(options({ open, prompt: "consent" }));
    assert.equal(seen.length, 1);
  });

  it("says no, and nothing is kept", async () => {
    const { open, seen } = person("deny");
    await assert.rejects(login(options({ open })), is("access_denied"));
    assert.deepEqual(await readdir(dir), []);
    assert.match(seen[0]?.html ?? "", /<h1>Not signed in<\/h1>[\s\S]*access_denied/);
    assert.equal(seen[0]?.status, 403);
  });

  it("is not disturbed by what others send to its port before the answer comes", async () => {
    const browser = createBrowser(world().issuer);
    const statuses: number[] = [];
    const open = (url: string): boolean => {
      void (async () => {
        const page = await walk(browser, new URL(url), { user: world().alice });
        const forged = new URL(page.url);
        forged.searchParams.set("state", "x".repeat(43));
        statuses.push((await fetch(forged)).status);
        // An answer of another issuer, with the right state, ends it: RFC 9207 §2.4.
        const mixedUp = new URL(page.url);
        mixedUp.searchParams.set("iss", "https://evil.test");
        statuses.push((await fetch(mixedUp)).status);
      })();
      return true;
    };
    await assert.rejects(login(options({ open })), is("issuer_mismatch"));
    assert.equal(statuses[0], 400);
    assert.deepEqual(await readdir(dir), []);
  });

  it("renews its token when it has ended, and goes on with the successor", async () => {
    let late = 0;
    const now = () => Date.now() + late;
    const requests: string[] = [];
    const counting: typeof fetch = (url, init) => {
      requests.push(new URL(String(url)).pathname);
      return fetch(url, init);
    };
    const me = await login(options({ open: person().open, now, fetch: counting }));
    const first = await me.token();
    assert.equal(await me.token(), first);
    late = 16 * 60_000;
    requests.length = 0;
    const tokens = await Promise.all([me.token(), me.token(), me.token()]);
    assert.equal(new Set(tokens).size, 1);
    assert.notEqual(tokens[0], first);
    assert.equal(requests.filter((path) => path === "/token").length, 1);
    assert.equal((await me.fetch(`${world().issuer}/userinfo`)).status, 200);
    // A token that is refused although it has not ended is renewed too: RFC 6750 §3.1.
    const tool = world().client("tool");
    await revoke(world().issuer, tool, tokens[0] ?? "");
    assert.equal((await me.fetch(`${world().issuer}/userinfo`)).status, 200);
  });

  it("hears that the permission has ended, forgets the tokens, and can sign in anew", async () => {
    const me = await login(options({ open: person().open }));
    const file = await onlyFile();
    const { refresh_token } = JSON.parse(await readFile(file, "utf8"));
    await revoke(world().issuer, world().client("tool"), refresh_token);
    await assert.rejects(me.fetch(`${world().issuer}/userinfo`), is("sign_in_again"));
    assert.deepEqual(await readdir(dir), []);
    const { open, seen } = person();
    const anew = await login(options({ open }));
    assert.equal((await anew.fetch(`${world().issuer}/userinfo`)).status, 200);
    assert.equal(seen.length, 1);
  });

  it("signs out: the file is gone and the refresh token is worth nothing", async () => {
    const me = await login(options({ open: person().open }));
    const { refresh_token } = JSON.parse(await readFile(await onlyFile(), "utf8"));
    await me.signOut();
    assert.deepEqual(await readdir(dir), []);
    assert.equal(await findLogin(options()), undefined);
    const reply = await refresh(world().issuer, world().client("tool"), refresh_token);
    assert.equal(reply.json.error, "invalid_grant");
    await assert.rejects(me.token(), is("sign_in_again"));
    await me.signOut();
  });

  it("signs out here even if the issuer does not answer, and says so", async () => {
    const { output, said } = listen();
    await login(options({ open: person().open }));
    const down = async (): Promise<Response> => {
      throw new TypeError("fetch failed");
    };
    const me = await findLogin(options({ output, fetch: down }));
    await me?.signOut();
    assert.deepEqual(await readdir(dir), []);
    assert.match(said(), /Signed out here, but .* could not be told \(issuer_unavailable\)/);
  });

  it("sends its token to nobody else, and nobody else's as its own", async () => {
    const me = await login(options({ open: person().open }));
    await assert.rejects(me.fetch("https://api.example.test/"), is("url_not_allowed"));
    await assert.rejects(me.fetch("/relative"), is("url_not_allowed"));
    await assert.rejects(me.token("https://api.example.test/"), is("url_not_allowed"));
    const file = await onlyFile();
    const stored = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify({ ...stored, user: { ...stored.user, sub: "somebody else" } }));
    await assert.rejects(me.token(), is("sign_in_again"));
  });

  it("takes a file that was cut short or is of another shape for none", async () => {
    await login(options({ open: person().open }));
    const file = await onlyFile();
    const text = await readFile(file, "utf8");
    for (const bad of ["", text.slice(0, 100), "[]", "null", text.replace('"version": 1', '"version": 2')]) {
      await writeFile(file, bad);
      assert.equal(await findLogin(options()), undefined, bad.slice(0, 20));
    }
  });

  it("refuses options that cannot work before anybody is asked", async () => {
    for (const wrong of [
      { issuer: "http://id.example" },
      { clientId: "" },
      { scope: "profile" },
      { resource: "http://api.example/" },
      { redirectUri: "http://192.168.0.1/callback" },
      { redirectUri: "https://127.0.0.1/callback" },
    ]) {
      await assert.rejects(
        login(options({ open: nobody, ...wrong })),
        is("configuration_invalid"),
        JSON.stringify(wrong),
      );
    }
  });
});

describe("a program signs in at oidc-provider", () => {
  let provider: ForeignProvider;
  before(async () => {
    const grant_types = ["authorization_code", "refresh_token"];
    provider = await startForeignProvider([{ client_id: "tool", ...native, grant_types }]);
  });
  after(() => provider?.[Symbol.asyncDispose]());

  /** Runs the program with a browser named by BROWSER, as a person's shell would. */
  const run = (act = "whoami", env: NodeJS.ProcessEnv = {}) => {
    const at = (name: string) => resolve(import.meta.dirname, "lib", name);
    const options = JSON.stringify({ issuer: provider.issuer, clientId: "tool" });
    return runProcess(process.execPath, [at("cli-program.js"), options, act], {
      env: {
        PATH: process.env.PATH,
        HOME: dir,
        XDG_CONFIG_HOME: join(dir, "config"),
        BROWSER: `${process.execPath} ${at("cli-browser.js")}`,
        CLI_BROWSER_ISSUER: provider.issuer,
        ...env,
      },
    });
  };
  const tokenRequests = () => provider.requests.filter((line) => line === "POST /token").length;
  const folder = () => join(dir, "config", "valetkey");
  const file = async () => join(folder(), (await readdir(folder()))[0] ?? "");

  it("as a process of its own, with the person's own browser: standard output has nothing but its result", async () => {
    const { code, stdout, stderr } = await run();
    assert.equal(code, 0, stderr);
    const { sub, status, body } = JSON.parse(stdout);
    assert.deepEqual([sub, status, body.email], [foreigner.sub, 200, foreigner.email]);
    assert.match(stderr, /Opening the browser/);
    assert.equal((await stat(await file())).mode & 0o777, 0o600);
    assert.equal((await stat(folder())).mode & 0o777, 0o700);
    const again = await run("whoami", { BROWSER: "/nowhere" });
    assert.deepEqual([again.code, again.stderr], [0, ""]);
    const out = await run("logout");
    assert.deepEqual([out.stdout, await readdir(folder())], ["bye\n", []]);
    assert.equal((await run("logout")).stdout, "nobody\n");
  });

  it("and five of them that find the token ended renew it once: nobody loses the permission", async () => {
    assert.equal((await run()).code, 0);
    for (let round = 0; round < 2; round++) {
      const stored = JSON.parse(await readFile(await file(), "utf8"));
      const used = stored.refresh_token;
      stored.access[""].expiresAt = Date.now() - 1;
      await writeFile(await file(), JSON.stringify(stored));
      const sent = tokenRequests();
      const all = await Promise.all(Array.from({ length: 5 }, () => run("whoami", { BROWSER: "/nowhere" })));
      for (const { code, stdout, stderr } of all) {
        assert.deepEqual([code, stderr], [0, ""]);
        assert.equal(JSON.parse(stdout).status, 200);
      }
      // Its tokens live for three seconds here: with one request for all, or the few that such a crowd may take longer than that.
      assert.ok(tokenRequests() - sent <= 2, `${tokenRequests() - sent} requests`);
      assert.notEqual(JSON.parse(await readFile(await file(), "utf8")).refresh_token, used);
    }
    assert.equal((await readdir(folder())).length, 1);
  });
});

describe("a program signs in with a code for another device, at oidc-provider", () => {
  let provider: ForeignGrants;
  before(async () => {
    const device = "urn:ietf:params:oauth:grant-type:device_code";
    const clients = [
      { client_id: "tool", ...native, grant_types: ["authorization_code", device, "refresh_token"] },
      { client_id: "tv", ...native, redirect_uris: [], response_types: [], grant_types: [device, "refresh_token"] },
    ];
    provider = await startForeignGrants(clients, () => new Response("", { status: 404 }));
  });
  after(() => provider?.[Symbol.asyncDispose]());

  const code = (said: string): string => /enter this code:\n\n {2}(\S+)\n/.exec(said)?.[1] ?? "";

  it("shows address, code and a QR code, says what to look out for, and waits as it was told to", async () => {
    const { output, said } = listen(true);
    const pauses: number[] = [];
    const wait = async (ms: number) => {
      pauses.push(ms);
      if (pauses.length === 2) await provider.decideDevice(code(said()), true);
    };
    const options = { issuer: provider.issuer, clientId: "tv", dir, via: "device", output, wait } as const;
    const me = await login(options);
    assert.equal(me.user.sub, provider.person);
    assert.equal((await me.fetch(`${provider.issuer}/me`)).status, 200);
    assert.match(said(), new RegExp(`open this address on any device:\n\n {2}${provider.issuer}/device\n`));
    assert.match(said(), /only if the page shows the same code and you started this yourself/);
    assert.match(said(), /\n[█▀▄ ]{20,}\n/);
    assert.match(said(), /Waiting for you, \d+ minutes at most/);
    assert.equal(pauses.length, 2);
    assert.ok(pauses.every((ms) => ms >= 5_000));
    assert.equal((await findLogin(options))?.user.sub, provider.person);
  });

  it("shows no QR code where no terminal is, or none that is wide enough", async () => {
    for (const [output, columns] of [
      [listen(false), 120],
      [listen(true), 20],
    ] as const) {
      const narrow = { ...output.output, columns };
      const wait = () => provider.decideDevice(code(output.said()), true);
      await login({
        issuer: provider.issuer,
        clientId: "tv",
        dir,
        via: "device",
        output: narrow,
        wait,
        prompt: "login",
      });
      assert.doesNotMatch(output.said(), /[█▀▄]/);
      assert.ok(code(output.said()));
    }
  });

  it("hears no, and that nobody decided in time, and keeps nothing", async () => {
    const { output, said } = listen();
    const wait = () => provider.decideDevice(code(said()), false);
    const options = { issuer: provider.issuer, clientId: "tv", dir, via: "device", output } as const;
    await assert.rejects(login({ ...options, wait }), is("access_denied"));
    let late = 0;
    const slowly = async () => {
      late += 200_000;
    };
    const patient = login({ ...options, wait: slowly, now: () => Date.now() + late });
    await assert.rejects(patient, (error) => isClientError(error, "token_refused") && error.error === "expired_token");
    assert.deepEqual(await readdir(dir), []);
  });

  it("is what is left where a browser was expected to open and did not", async () => {
    const { output, said } = listen();
    const wait = () => provider.decideDevice(code(said()), true);
    const me = await login({ issuer: provider.issuer, clientId: "tool", dir, output, wait, open: () => false });
    assert.equal(me.user.sub, provider.person);
    assert.match(said(), /No browser could be opened\.\n\nTo sign in, open this address on any device/);
  });

  it("is what is done over SSH, without a try at a browser", async () => {
    const { output, said } = listen();
    const wait = () => provider.decideDevice(code(said()), true);
    const { BROWSER, SSH_CONNECTION, DISPLAY } = process.env;
    Object.assign(process.env, { BROWSER: "", SSH_CONNECTION: "10.0.0.1 1 10.0.0.2 22", DISPLAY: ":0" });
    try {
      const me = await login({ issuer: provider.issuer, clientId: "tool", dir, output, wait });
      assert.equal(me.user.sub, provider.person);
      assert.doesNotMatch(said(), /browser/i);
    } finally {
      for (const [name, value] of Object.entries({ BROWSER, SSH_CONNECTION, DISPLAY })) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });
});

describe("what a program does with its tokens, at the issuer for tests", () => {
  const audience = "https://api.test/v1";
  const tool = {
    client_id: "tool",
    token_endpoint_auth_method: "none",
    redirect_uris: [redirect_uri],
    grant_types: ["authorization_code", "refresh_token"],
  } as const;
  const start = () =>
    startTestServer({
      users: [{ sub: "alice", email: "alice@example.test" }],
      clients: [tool],
      scopes: { read: "Read" },
      resources: [audience],
    });
  /** The person at the screen: what the browser opens on loopback goes over real HTTP. */
  const person = (idp: TestServer) => (url: string) => {
    const { origin } = new URL(new URL(url).searchParams.get("redirect_uri") ?? "");
    void idp.browser({ [origin]: (request: Request) => fetch(request) }).signIn("alice", { at: url });
    return true;
  };
  const options = (idp: TestServer, more: Partial<LoginOptions> = {}): LoginOptions => {
    const { output } = listen();
    const { issuer, clock } = idp;
    return { issuer, clientId: "tool", dir, output, open: person(idp), fetch: idp.fetch, now: clock.now, ...more };
  };

  it("gets one for each API it named, and sends each only where it belongs (RFC 8707)", async () => {
    const idp = await start();
    const sent: { url: string; aud: readonly string[] | undefined; redirect: string }[] = [];
    const fetch = async (input: string | URL, init?: RequestInit): Promise<Response> => {
      const request = new Request(input, init);
      const token = request.headers.get("authorization")?.replace("Bearer ", "");
      if (token === undefined) return idp.fetch(request);
      const aud = (await idp.provider.tokens.read(token))?.aud;
      sent.push({ url: request.url, aud, redirect: request.redirect });
      if (request.url.startsWith(idp.issuer)) return idp.fetch(request);
      return new Response(null, { status: 302, headers: { Location: "https://evil.test/" } });
    };
    const scope = "openid read offline_access";
    const me = await login(options(idp, { fetch, scope, resource: audience, api: audience }));
    sent.length = 0;
    // Where the API sends us is for the program to decide: the token does not go along.
    assert.equal((await me.fetch("/photos")).status, 302);
    assert.equal((await me.fetch(`${idp.issuer}/userinfo`)).status, 200);
    assert.deepEqual(sent, [
      { url: `${audience}/photos`, aud: [audience], redirect: "manual" },
      { url: `${idp.issuer}/userinfo`, aud: [idp.issuer], redirect: "manual" },
    ]);
    for (const elsewhere of ["https://api.test/v10", "https://api.test/", "https://api.test/v1/..;/admin"])
      await assert.rejects(me.fetch(elsewhere), is("url_not_allowed"), elsewhere);
  });

  it("takes no ID token of another sign-in (OpenID Connect Core §3.1.3.7 step 11)", async () => {
    const idp = await start();
    const fetch = async (input: string | URL, init?: RequestInit): Promise<Response> => {
      if (!String(input).endsWith("/token")) return idp.fetch(input, init);
      return Response.json(await idp.tokensFor("alice", { scope: "openid", client: "tool", nonce: "another" }));
    };
    await assert.rejects(login(options(idp, { fetch })), is("id_token_invalid"));
    assert.deepEqual(await readdir(dir), []);
  });

  it("leaves what another program wrote while this one slept with the turn in its hands", async () => {
    const idp = await start();
    let during = async () => {};
    const fetch = async (input: string | URL, init?: RequestInit): Promise<Response> => {
      if (String(input).endsWith("/token")) await during();
      return idp.fetch(input, init);
    };
    const me = await login(options(idp, { fetch }));
    const file = await onlyFile();
    during = async () => {
      during = async () => {};
      const stored = JSON.parse(await readFile(file, "utf8"));
      await writeFile(file, JSON.stringify({ ...stored, refresh_token: "newer" }));
    };
    idp.clock.advance("20m");
    assert.ok(await me.token());
    assert.equal(JSON.parse(await readFile(file, "utf8")).refresh_token, "newer");
  });

  it("goes on with what is good while the issuer is down, and says so when it is not", async () => {
    const idp = await start();
    const me = await login(options(idp));
    const token = await me.token();
    // About to end: it would be renewed if that could be done.
    idp.clock.advance("14m");
    idp.clock.advance("40s");
    idp.fail("discovery", { status: 503, times: 9 });
    idp.fail("token", { status: 503, times: 9 });
    assert.equal(await me.token(), token);
    idp.clock.advance("30s");
    await assert.rejects(me.token(), is("issuer_unavailable"));
    // Who is signed in is known all the same.
    assert.equal((await login(options(idp, { open: nobody }))).user.sub, "alice");
  });
});
