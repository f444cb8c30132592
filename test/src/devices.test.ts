/**
 * Signing in on a device, and being asked from afar: the real server, its pages, our client and a foreign one.
 *
 * RFC 8628, RFC 10027, OpenID CIBA Core 1.0. Rows DV and CB of the catalogue of attacks. Races on SQLite with one process and on
 * PostgreSQL with two.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, it } from "node:test";
import {
  fetchBackchannelTokens,
  pollBackchannelAuthentication,
  readPing,
  startBackchannelAuthentication,
} from "@valetkey/client/backchannel-authentication";
import type { ClientAuthentication } from "@valetkey/client/client-authentication";
import { isClientError } from "@valetkey/client/client-error";
import { type DeviceCode, pollDevice, startDeviceAuthorization } from "@valetkey/client/device";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { sendResponse, toRequest } from "@valetkey/protocol/node-http";
import * as openid from "openid-client";
import { createBrowser, type FetchBrowser, type PageOf } from "./lib/browser.ts";
import { dump, onEachDatabase } from "./lib/each-database.ts";
import { addUser, useWorld } from "./lib/fixtures.ts";
import { introspect, postAs, type Reply, signIn, type TestUser } from "./lib/flow.ts";
import { type RunningServer, startServer } from "./lib/server.ts";
import { sideBySide, suite } from "./lib/suites.ts";

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";
const cibaGrant = "urn:openid:params:grant-type:ciba";
const notification = "a token for notifications 0123456789".replaceAll(" ", "-");

/** No time passes between polls: the server has to cope with the hasty, and here it is told in time what to say. */
const wait = async () => {};

const metadataOf = async (issuer: string): Promise<ServerMetadata> =>
  (await (await fetch(new URL("/.well-known/openid-configuration", issuer))).json()) as ServerMetadata;

/** Opens a page and signs in if it asks for that. */
async function visit(browser: FetchBrowser, url: string | URL, user: TestUser): Promise<PageOf> {
  const page = await browser.open(url);
  return page.has("password") ? signIn(browser, page, user) : page;
}

/** Types a code and signs in on the way; ends at the page that asks. */
async function enter(browser: FetchBrowser, issuer: string, user_code: string, user: TestUser): Promise<PageOf> {
  const page = await browser.press(await browser.open(new URL("/device", issuer)), "submit", { user_code });
  return page.has("password") ? signIn(browser, page, user) : page;
}

const done = (page: PageOf) => page.url.searchParams.get("done");
const errors = (replies: readonly Reply[]) => replies.map(({ status, json }) => `${status} ${json?.error}`);

sideBySide("devices and people elsewhere", () => {
  onEachDatabase("fifty at once", (database) => {
    let url = "sqlite";
    let second: RunningServer | undefined;
    const world = useWorld(async () => {
      url = await database.fresh();
      return { database: url, clients: { tv: { name: "TV", pub: true, grant_types: [deviceGrant, "refresh_token"] } } };
    });
    before(async () => {
      if (url !== "sqlite") second = await startServer({ database: url, besides: world().server });
    });
    after(() => second?.[Symbol.asyncDispose]());

    const start = async (): Promise<{ device_code: string; user_code: string }> => {
      const { issuer } = world();
      return (await postAs(new URL("/device-authorization", issuer), world().client("tv"), { scope: "openid" })).json;
    };
    /** Polls fifty times, at one process or by turns at two. */
    const polls = ({ device_code }: { device_code: string }): Promise<Reply[]> => {
      const origins = [world().issuer, second?.origin ?? world().issuer];
      const form = { grant_type: deviceGrant, device_code };
      return Promise.all(
        Array.from({ length: 50 }, (_, n) => postAs(new URL("/token", origins[n % 2]), world().client("tv"), form)),
      );
    };

    it("fifty polls while nobody has decided: one is pending, the others too fast; an approval in their midst counts", async () => {
      const { issuer, alice } = world();
      const device = await start();
      const waiting = errors(await polls(device));
      assert.equal(waiting.filter((error) => error === "400 authorization_pending").length, 1);
      assert.equal(waiting.filter((error) => error === "400 slow_down").length, 49);
      const browser = createBrowser(issuer);
      const asked = await enter(browser, issuer, device.user_code, alice);
      const [page, replies] = await Promise.all([browser.press(asked, "allow"), polls(device)]);
      assert.equal(done(page), "approved");
      assert.ok(replies.filter(({ status }) => status === 200).length <= 1);
    });

    it("fifty polls after the approval: one gets tokens, and they stay good; neither code is stored in the clear", async () => {
      const { issuer, alice, conf, server } = world();
      const device = await start();
      const browser = createBrowser(issuer);
      assert.equal(
        done(await browser.press(await enter(browser, issuer, device.user_code, alice), "allow")),
        "approved",
      );
      const stored = await dump(server, url);
      assert.ok(stored.includes("approval"));
      for (const secret of [device.device_code.slice(-38, -6), device.user_code, device.user_code.replace("-", "")])
        assert.ok(!stored.includes(secret), "a code is stored in the clear");
      const replies = await polls(device);
      const won = replies.filter(({ status }) => status === 200);
      assert.equal(won.length, 1, errors(replies).join());
      assert.equal(errors(replies).filter((error) => error === "400 invalid_grant").length, 49);
      assert.equal((await introspect(issuer, conf, won[0]?.json.access_token)).json.active, false, "not conf's to see");
      const me = await fetch(new URL("/userinfo", issuer), {
        headers: { Authorization: `Bearer ${won[0]?.json.access_token}` },
      });
      assert.equal(((await me.json()) as { sub: string }).sub, alice.subject);
    });

    it("twenty people with the code decide at once: one decision counts", async () => {
      const { issuer, alice } = world();
      const device = await start();
      const first = createBrowser(issuer);
      await visit(first, new URL("/login", issuer), alice);
      const browsers = Array.from({ length: 20 }, () => first.copy());
      const asked = await Promise.all(browsers.map((browser) => enter(browser, issuer, device.user_code, alice)));
      const ends = await Promise.all(
        asked.map((page, n) => browsers[n]?.press(page, n % 2 === 0 ? "allow" : "deny") as Promise<PageOf>),
      );
      assert.equal(ends.filter((page) => done(page) === "approved" || done(page) === "denied").length, 1);
      assert.equal(ends.filter(({ status }) => status === 400).length, 19);
    });
  });

  sideBySide("with clients", () => {
    const pings: Request[] = [];
    const listener = createServer(async (req, res) => {
      const request = toRequest(req, { origin: "http://127.0.0.1", response: res });
      pings.push(new Request(request.url, { method: "POST", headers: request.headers, body: await request.text() }));
      await sendResponse(res, new Response(null, { status: 204 }));
      listener.emit("rung");
    });
    const world = useWorld(async () => {
      await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
      const desk = { name: "Call Centre", redirect_uris: [], grant_types: [cibaGrant, "refresh_token"] };
      return {
        bob: true,
        clients: {
          tv: { name: "Living Room TV", pub: true, redirect_uris: [], grant_types: [deviceGrant, "refresh_token"] },
          own: { name: "Our own", pub: true, grant_types: [deviceGrant], firstParty: true },
          desk,
          pinged: {
            ...desk,
            more: {
              backchannel_token_delivery_mode: "ping",
              backchannel_client_notification_endpoint: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/ping`,
            },
          },
        },
        config: {
          scopes: { "photos:read": "See your photos" },
          grants: ["authorization_code", "refresh_token", deviceGrant, cibaGrant],
        },
      };
    });
    after(() => void listener.close());

    const clientOf = (id: string): ClientAuthentication => {
      const { client_id, client_secret } = world().client(id);
      return client_secret === undefined
        ? { client_id, token_endpoint_auth_method: "none" }
        : { client_id, client_secret, token_endpoint_auth_method: "client_secret_basic" };
    };
    const options = async (id: string) => ({ metadata: await metadataOf(world().issuer), client: clientOf(id), wait });
    /** Signs in and looks into the list: the link to the one request that waits. */
    const waitingFor = async (browser: FetchBrowser, person: TestUser): Promise<URL> => {
      const { issuer } = world();
      await visit(browser, new URL("/login", issuer), person);
      const { html } = await browser.open(new URL("/approve", issuer));
      const links = [...html.matchAll(/href="([^"]*\/approve\?request=[^"]+)"/g)];
      assert.equal(links.length, 1);
      return new URL(links[0]?.[1] ?? "", issuer);
    };
    const foreigner = (id: string) => {
      const { client_id, client_secret } = world().client(id);
      const auth = client_secret === undefined ? openid.None() : openid.ClientSecretBasic(client_secret);
      return openid.discovery(new URL(world().issuer), client_id, undefined, auth, {
        execute: [openid.allowInsecureRequests],
      });
    };

    suite("ours", () => {
      it("our client signs a TV in: somebody types the code, signs in, compares, allows", async () => {
        const { issuer, alice } = world();
        const at = await options("tv");
        const device = await startDeviceAuthorization({ ...at, scope: "openid email photos:read" });
        const browser = createBrowser(issuer);
        const asked = await enter(browser, issuer, device.user_code.toLowerCase().replace("-", " "), alice);
        assert.equal(asked.url.pathname, "/consent");
        for (const shown of [device.user_code, "Living Room TV", "on another device", "See your photos", "127.0.0.1"])
          assert.ok(asked.text.includes(shown), `${shown} is not on the page: ${asked.text}`);
        assert.match(asked.text, /If somebody sent you the code or a link, do not allow it/);
        const end = await browser.press(asked, "allow", { "scope-photos:read": false });
        assert.equal(done(end), "approved");
        assert.match(end.text, /Go back to your device/);
        const tokens = await pollDevice(device, at);
        assert.ok(tokens.refresh_token);
        assert.deepEqual(tokens.scope, ["openid", "email"].join(" "));
      });

      it("a refusal, a code that is over, and a link with the code in it that nobody confirms", async () => {
        const { issuer, bob } = world();
        const at = await options("tv");
        const device = await startDeviceAuthorization({ ...at, scope: "openid" });
        const { verification_uri_complete = "" } = device as DeviceCode;
        const browser = createBrowser(issuer);
        await visit(browser, new URL("/login", issuer), bob);
        // §3.3.1: the link fills in the code; pressing the button is the person's own.
        const filled = await browser.open(verification_uri_complete);
        assert.ok(filled.html.includes(`value="${device.user_code}"`));
        assert.match(filled.text, /Check that your device shows this very code/);
        assert.equal(done(await browser.press(await browser.press(filled, "submit"), "deny")), "denied");
        await assert.rejects(pollDevice(device, at), (error) => isClientError(error, "access_denied"));
        const again = await browser.press(await browser.open(verification_uri_complete), "submit");
        assert.equal(again.status, 422);
        assert.match(again.text, /No device waits with this code/);
        const odd = await browser.open(new URL("/device?user_code=%3Cscript%3Ealert(1)%3C/script%3E", issuer));
        assert.ok(!odd.html.includes("alert(1)"));
        assert.ok(!filled.has("allow"));
      });

      it("a first-party client's device is asked about, too; its code must be compared", async () => {
        const { issuer, alice } = world();
        const device = await startDeviceAuthorization({ ...(await options("own")), scope: "openid" });
        const asked = await enter(createBrowser(issuer), issuer, device.user_code, alice);
        assert.ok(asked.has("allow") && asked.text.includes(device.user_code));
      });

      it("our client reaches somebody who is elsewhere; they find it on their account page and allow it", async () => {
        const { issuer, alice, server } = world();
        const at = await options("desk");
        const request = await startBackchannelAuthentication({
          ...at,
          hint: { login_hint: alice.email },
          scope: "openid email",
          binding_message: "W4SCT <b>42</b>",
        });
        await server.process().waitForLine("approval.waits");
        const browser = createBrowser(issuer);
        await visit(browser, new URL("/login", issuer), alice);
        const list = await browser.open(new URL("/approve", issuer));
        assert.ok(list.text.includes("Call Centre") && list.html.includes("W4SCT &lt;b&gt;42&lt;/b&gt;"));
        const link = /href="([^"]*\/approve\?request=[^"]+)"/.exec(list.html)?.[1] ?? "";
        const asked = await browser.open(new URL(link, issuer));
        assert.ok(asked.has("allow") && asked.html.includes("W4SCT &lt;b&gt;42&lt;/b&gt;"), asked.text);
        const end = await browser.press(asked, "allow");
        assert.equal(done(end), "approved");
        const tokens = await pollBackchannelAuthentication(request, at);
        assert.ok(tokens.id_token && tokens.refresh_token);
        assert.match((await browser.open(new URL("/approve", issuer))).text, /There is nothing/);
        const over = await browser.open(new URL(link, issuer));
        assert.equal(over.status, 400);
        assert.match(over.text, /nothing left to decide/);
      });

      it("a link to it leads its own person through signing in, and nobody else to a decision", async () => {
        const { issuer, alice, bob } = world();
        const at = await options("desk");
        const request = await startBackchannelAuthentication({
          ...at,
          hint: { login_hint: bob.subject },
          scope: "openid",
        });
        const url = await waitingFor(createBrowser(issuer), bob);
        assert.equal(done(await visit(createBrowser(issuer), url, alice)), "failed");
        assert.equal(
          done(
            await (async () => {
              const browser = createBrowser(issuer);
              return browser.press(await browser.open(url), "cancel");
            })(),
          ),
          "failed",
        );
        const browser = createBrowser(issuer);
        assert.equal(done(await browser.press(await visit(browser, url, bob), "deny")), "denied");
        await assert.rejects(pollBackchannelAuthentication(request, at), (error) =>
          isClientError(error, "access_denied"),
        );
      });

      it("in ping mode the client is told, with the token it made for this request", async () => {
        const { issuer, bob } = world();
        const at = await options("pinged");
        const request = await startBackchannelAuthentication({
          ...at,
          hint: { login_hint: bob.email },
          scope: "openid",
          client_notification_token: notification,
        });
        const rung = new Promise<void>((resolve) => void listener.once("rung", () => resolve()));
        const browser = createBrowser(issuer);
        assert.equal(
          done(await browser.press(await browser.open(await waitingFor(browser, bob)), "allow")),
          "approved",
        );
        await rung;
        const [ping] = pings;
        assert.ok(ping);
        const id = await readPing(ping, (asked) => (asked === request.auth_req_id ? notification : undefined));
        assert.ok((await fetchBackchannelTokens(id, at)).id_token);
      });

      // Last: it uses up the tries of this address.
      it("DV-11 codes are guessed slowly, and the page says when to try again", async () => {
        const { issuer } = world();
        const browser = createBrowser(issuer);
        const form = await browser.open(new URL("/device", issuer));
        let page = form;
        for (let n = 0; n < 40 && page.status !== 429; n++)
          page = await browser.press(form, "submit", { user_code: "BBBB-BBBB" });
        assert.equal(page.status, 429);
        assert.match(page.text, /Try again in \d+ minutes/);
        assert.ok(Number(page.headers.get("retry-after")) > 60);
      });
    });

    suite("a foreign one", () => {
      it("openid-client signs a TV in and reaches somebody elsewhere, polling as it was told", async () => {
        const { issuer, alice, server } = world();
        const carol = await addUser(server, "carol");
        const [tv, desk] = [await foreigner("tv"), await foreigner("desk")];
        await assert.rejects(
          openid.initiateBackchannelAuthentication(desk, { scope: "openid", login_hint: "nobody@example.test" }),
          { error: "unknown_user_id" },
        );
        const device = await openid.initiateDeviceAuthorization(tv, { scope: "openid" });
        const hint = { scope: "openid", login_hint: carol.email, binding_message: "7 QF" };
        const request = await openid.initiateBackchannelAuthentication(desk, hint);
        const tokens = Promise.all([
          openid.pollDeviceAuthorizationGrant(tv, device),
          openid.pollBackchannelAuthenticationGrant(desk, request),
        ]);
        const browser = createBrowser(issuer);
        const next = await browser.press(await browser.open(device.verification_uri_complete ?? ""), "submit");
        assert.equal(done(await browser.press(await signIn(browser, next, alice), "allow")), "approved");
        const phone = createBrowser(issuer);
        assert.equal(done(await phone.press(await phone.open(await waitingFor(phone, carol)), "allow")), "approved");
        const [one, other] = await tokens;
        assert.equal(one.claims()?.sub, alice.subject);
        assert.equal(other.claims()?.sub, carol.subject);
      });
    });
  });
});
