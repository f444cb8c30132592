/** The browser came back, and the application does not know it: cookies, tabs, names, instances. */
import { memoryStore } from "@valetkey/store/memory";
import { startAlternatingProxy } from "./alternating-proxy.ts";
import type { Page } from "./diagnosis-browser.ts";
import { type Row, type Stage, signIn } from "./diagnosis-stage.ts";
import { freePort } from "./server.ts";

const callback = /\/auth\/callback\//;
const baseUrl = "https://app.example";
const deployed = { baseUrl, store: memoryStore() };

/** Signs in up to the answer, and gives its address. */
async function untilAnswer(stage: Stage, app = stage.app): Promise<string> {
  const page = await stage.browser.open(`${app}/auth/login/acme`);
  return page.trail.at(-1) ?? "";
}

const stopAt = { stopAt: callback };
let clock = 0;
const now = () => Date.now() + clock;

export const stateRows: readonly Row[] = [
  {
    title: "cookies are blocked",
    code: "transaction_missing",
    log: [/no cookie at all came along/, /Cookies may be blocked/, /another browser/],
    page: [/with cookies allowed/, /http:\/\/localhost:\d+/],
    seed: () => signIn({ browser: { cookies: "blocked" } }),
  },
  {
    title: "the application is opened as 127.0.0.1 while baseUrl says localhost",
    code: "transaction_missing",
    log: [
      /came for the host 127\.0\.0\.1:1, but baseUrl is http:\/\/localhost:1/,
      /set baseUrl .* or redirect it/,
      /localhost and 127\.0\.0\.1/,
    ],
    page: [/Start again in the same browser, at http:\/\/localhost:1\b/],
    seed: () =>
      signIn({
        origin: "http://127.0.0.1:1",
        options: { baseUrl: "http://localhost:1" },
        drive: ({ app, port, browser }) => browser.at({ "http://localhost:1": port }).open(`${app}/auth/login/acme`),
      }),
  },
  {
    title: "the application is opened with www while baseUrl is without",
    code: "transaction_missing",
    log: [/came for the host www\.app\.example, but baseUrl is https:\/\/app\.example/, /with and without www/],
    page: [/at https:\/\/app\.example/],
    seed: () =>
      signIn({
        origin: "https://www.app.example",
        options: deployed,
        drive: ({ app, port, browser }) => browser.at({ [baseUrl]: port }).open(`${app}/auth/login/acme`),
      }),
  },
  {
    title: "the application is opened by http behind a proxy that ends TLS, so the Secure cookie is dropped",
    code: "transaction_missing",
    log: [/came by http \(X-Forwarded-Proto\), but baseUrl is https/, /Redirect http to https/, /Secure/],
    seed: () =>
      signIn({
        origin: "http://app.example",
        options: deployed,
        browser: { headers: { "X-Forwarded-Proto": "http" } },
        drive: ({ app, port, browser }) => browser.at({ [baseUrl]: port }).open(`${app}/auth/login/acme`),
      }),
  },
  {
    title: "two instances with different secrets",
    code: "transaction_missing",
    log: [/sealed with another secret/, /every instance the same secret \(VALETKEY_SECRET\)/],
    page: [/has changed its secret/],
    seed: () => acrossInstances({ secret: "another secret, of the other instance" }),
  },
  {
    title: "a restart without VALETKEY_SECRET",
    code: "transaction_missing",
    log: [/sealed with another secret/, /across restarts/, /each process makes its own/],
    seed: () => acrossInstances({ secret: [] }),
  },
  {
    title: "two instances, each with a store in memory",
    code: "session_lost",
    log: [/given \d+ ms ago is not in the store/, /every instance the same store/, /memoryStore/],
    page: [/forgotten again who you are/],
    seed: () =>
      signIn({
        drive: async ({ app, browser, instance }) => {
          await browser.open(`${app}/me`);
          const other = await instance({ store: memoryStore() });
          return browser.at({ [app]: other }).open(`${app}/me`);
        },
      }),
  },
  {
    title:
      "two instances that take turns, each with a store in memory, so the sign-in always starts where the last one ended",
    code: "session_lost",
    log: [
      /given \d+ ms ago is in the store of this process, and not in that/,
      /every instance the same store/,
      /memoryStore/,
    ],
    page: [/forgotten again who you are/],
    seed: () =>
      signIn({
        drive: async ({ app, port, browser, instance }) => {
          const proxy = await freePort();
          await using _ = await startAlternatingProxy(proxy, [port, await instance({ store: memoryStore() })]);
          return await browser.at({ [app]: proxy }).open(`${app}/me`);
        },
      }),
  },
  {
    title: "an old tab",
    code: "transaction_missing",
    log: [/started 47 minutes ago, expected at most 15/],
    page: [/too long ago/, /within 15 minutes/],
    seed: () =>
      signIn({
        browser: stopAt,
        options: { now, store: memoryStore({ now }) },
        drive: async (stage) => {
          clock = 0;
          const answer = await untilAnswer(stage);
          clock = 47 * 60_000;
          return stage.browser.at({}).open(answer);
        },
      }),
  },
  {
    title: "the back button after the sign-in",
    code: "transaction_used",
    log: [/used before/],
    page: [/finished already/, /Go back to the application/],
    seed: () =>
      signIn({
        drive: async ({ app, browser }) => {
          const page = await browser.open(`${app}/auth/login/acme`);
          const answer = page.trail.find((one) => callback.test(one)) ?? "";
          return browser.at({}).open(answer);
        },
      }),
  },
  {
    title: "more sign-ins at once than are kept",
    code: "transaction_missing",
    log: [/those of 6 others did, and more than 6 are not kept/, /loop/],
    page: [/Too many sign-ins/, /one tab/],
    seed: () =>
      signIn({
        browser: stopAt,
        drive: async (stage) => {
          const first = await untilAnswer(stage);
          for (let more = 0; more < 6; more++) await untilAnswer(stage);
          return stage.browser.at({}).open(first);
        },
      }),
  },
  {
    title: "the link was opened in another browser",
    code: "transaction_missing",
    log: [/cookies of 1 other sign-ins came along/],
    page: [/in the same browser/],
    seed: () =>
      signIn({
        browser: stopAt,
        drive: async (stage) => {
          const first = await untilAnswer(stage);
          const other = stage.browser.at({}, "fresh", callback);
          await other.open(`${stage.app}/auth/login/acme`);
          return other.at({}).open(first);
        },
      }),
  },
  {
    title: "a state that is not of our making",
    code: "transaction_missing",
    log: [/not of this application's making/, /another library/, /a callback of its own|its own callback/],
    seed: () => signIn({ faults: { answer: (parameters) => parameters.set("state", "made-by-somebody-else") } }),
  },
  {
    title: "a provider that drops the state",
    code: "state_missing",
    log: [/has no state, only code, iss/, /send the state back unchanged/],
    seed: () => signIn({ faults: { answer: (parameters) => parameters.delete("state") } }),
  },
  {
    title: "a provider that answers behind #",
    code: "state_missing",
    log: [/no parameters at all/, /behind # \(response_mode fragment\)/],
    seed: () =>
      signIn({
        faults: {
          answer: (parameters) => {
            for (const name of [...parameters.keys()]) parameters.delete(name);
          },
        },
      }),
  },
  {
    title: "an error without state is for the log only",
    code: "state_missing",
    log: [/it is the error redirect_uri_mismatch: not registered/, /Register exactly this redirect URI/],
    page: [/does not say which sign-in/],
    seed: () =>
      signIn({
        faults: {
          answer: (parameters) => {
            for (const name of [...parameters.keys()]) parameters.delete(name);
            parameters.set("error", "redirect_uri_mismatch");
            parameters.set("error_description", "not registered");
          },
        },
      }),
  },
  {
    title: "the provider sends people to the callback of another provider",
    code: "state_mismatch",
    log: [
      /came for other, but the sign-in is with acme/,
      /redirect_uri of the request, http:\/\/localhost:\d+\/auth\/callback\/acme/,
    ],
    seed: () =>
      signIn({ twice: true, start: "/auth/login/acme", faults: { back: (to) => to.replace("/acme", "/other") } }),
  },
  {
    title: "form_post while redirects were asked for",
    code: "response_mode_mismatch",
    log: [/came by POST, expected GET/, /response_mode: "form_post"/],
    page: [/came in another way/],
    seed: () => signIn({ faults: { mode: "posted" } }),
  },
  {
    title: "a redirect while form_post was asked for",
    code: "response_mode_mismatch",
    log: [/came by GET, expected POST/, /leave response_mode out/],
    seed: () => signIn({ provider: { response_mode: "form_post" }, faults: { mode: "redirected" } }),
  },
  {
    title: "form_post, and a proxy or browser that makes the cookie SameSite=Lax",
    code: "transaction_missing",
    log: [/posted from another site/, /SameSite=None and Secure/],
    seed: () => signIn({ provider: { response_mode: "form_post" }, browser: { sameSite: "Lax" } }),
  },
  {
    title: "form_post, and a parser that has eaten the body",
    code: "state_missing",
    log: [/no parameters at all/, /mount valetkey\(oauth\) before body parsers/],
    seed: () => signIn({ provider: { response_mode: "form_post" }, eatBody: true }),
  },
];

/** Starts at one instance and comes back to another. */
function acrossInstances(other: { secret: string | readonly string[] }): ReturnType<typeof signIn> {
  return signIn({
    browser: stopAt,
    drive: async (stage): Promise<Page> => {
      const answer = await untilAnswer(stage);
      const port = await stage.instance(other);
      return stage.browser.at({ [stage.app]: port }).open(answer);
    },
  });
}
