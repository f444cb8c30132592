/** The provider says no, or the application itself does: answers with an error, addresses, hooks, the store. */

import { ClientError } from "@valetkey/client/client-error";
import { StoreUnavailable } from "@valetkey/store";
import { memoryStore } from "@valetkey/store/memory";
import { type Mistake, type Row, row, signIn } from "./diagnosis-stage.ts";

/** The answer is an error. */
const says = (error: string, error_description?: string): Mistake => ({
  faults: {
    answer: (parameters) => {
      parameters.delete("code");
      parameters.set("error", error);
      if (error_description !== undefined) parameters.set("error_description", error_description);
    },
  },
});

const refused = (title: string, mistake: Mistake, log: readonly RegExp[], page: readonly RegExp[] = []): Row =>
  row(title, "authorization_refused", mistake, log, page);

const tell = /Tell whoever runs the application/;

let down = false;
const memory = memoryStore();
const breakable = {
  ...memory,
  get: async (kind: string, id: string) => {
    if (down) throw new StoreUnavailable("the database is gone");
    return memory.get(kind, id);
  },
};

export const refusalRows: readonly Row[] = [
  row(
    "the person says no",
    "access_denied",
    says("access_denied"),
    [/answered access_denied/],
    [/Access was not allowed/, /sign in again and allow it/],
  ),
  row(
    "an administrator has to consent (Entra)",
    "access_denied",
    says("access_denied", "AADSTS65001: The user or administrator has not consented to use the application."),
    [/grant consent for the client app/, /Grant admin consent/],
    [/An administrator of your organisation has to allow/],
  ),
  refused(
    "an administrator has to consent (another word for it)",
    says("consent_required", "AADSTS90094: The grant requires admin permission."),
    [/grant consent for the client app/],
    [/Ask them, then sign in again/],
  ),
  refused(
    "the account is not assigned (Entra)",
    says("interaction_required", "AADSTS50105: The signed in user is not assigned to a role."),
    [/Assign the person or a group/],
    [/not assigned to this application/],
  ),
  refused(
    "prompt none, and nobody is signed in",
    says("login_required"),
    [/prompt: "none"/],
    [/has a question for you/],
  ),
  refused("prompt none, and a question is left", says("interaction_required"), [/prompt: "none"/]),
  refused(
    "the provider is busy",
    says("temporarily_unavailable"),
    [/Nothing to change here unless it lasts/],
    [/trouble of its own. Wait a moment/],
  ),
  refused(
    "the provider has a fault",
    says("server_error", "internal error 4711"),
    [/answered server_error: internal error 4711/],
    [/trouble of its own/],
  ),
  refused(
    "the client may not use codes",
    says("unauthorized_client"),
    [/Allow the client app the grant type authorization_code .*response type code/],
    [tell],
  ),
  refused(
    "a scope that is not known there",
    { ...says("invalid_scope"), provider: { scope: "openid orders" } },
    [/scope "openid orders"/],
    [tell],
  ),
  refused(
    "the redirect URI is not registered, said by an answer (GitHub)",
    says("redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application."),
    [
      /Register exactly this redirect URI for the client app at the provider: http:\/\/localhost:\d+\/auth\/callback\/acme/,
      /trailing slash/,
    ],
    [tell],
  ),
  refused(
    "the redirect URI is not registered, said in a description",
    says("invalid_request", "Invalid parameter: redirect_uri"),
    [/Register exactly this redirect URI/],
  ),
  refused("a response type that is not allowed", says("unsupported_response_type"), [/Leave response_type/]),
  refused(
    "a resource that is not known there",
    { ...says("invalid_target"), provider: { resource: ["https://api.example"] } },
    [/Compare resource/],
  ),
  refused("a request object that is not taken", says("request_not_supported"), [/leave it out/]),
  refused(
    "an app's own browser (Google)",
    says("disallowed_useragent"),
    [/disallowed_useragent/],
    [/in your browser, not inside another app/],
  ),
  refused(
    "an error nobody has heard of",
    says("teapot", "short and <b>stout</b>"),
    [/answered teapot: short and <b>stout<\/b>/],
    [/teapot: short and <b>stout/],
  ),
  {
    title: "the redirect URI is not registered, and the provider sends nobody back (Google)",
    code: "none",
    log: [],
    page: [/redirect_uri_mismatch.*http:\/\/localhost:\d+\/auth\/callback\/acme/],
    seed: () => signIn({ faults: { redirect_uris: ["http://localhost:3000/api/auth/callback/acme"] } }),
  },
  row(
    "iss is announced and missing",
    "issuer_missing",
    { faults: { answer: (parameters) => parameters.delete("iss") } },
    [/has no iss, expected http:/, /authorization_response_iss_parameter_supported/],
    [/does not say which service it comes from/],
  ),
  row(
    "iss has a slash too many",
    "issuer_mismatch",
    { faults: { answer: (parameters) => parameters.set("iss", `${parameters.get("iss")}/`) } },
    [/has the iss http:[^ ]*\/, expected http:/, /slash at the end only/],
    [/comes from another service/],
  ),
  row(
    "iss is somebody else's",
    "issuer_mismatch",
    { faults: { answer: (parameters) => parameters.set("iss", "https://evil.example") } },
    [/has the iss https:\/\/evil\.example/, /mix up two providers/],
  ),
  row(
    "iss comes without having been announced",
    "issuer_unexpected",
    { faults: { discovery: ({ authorization_response_iss_parameter_supported: _, ...good }) => good } },
    [/sent iss without announcing it/, /authorization_response_iss_parameter_supported: true/],
  ),
  row(
    "an answer with neither code nor error",
    "response_invalid",
    { faults: { answer: (parameters) => parameters.delete("code") } },
    [/no usable code/, /response_type at code/],
  ),
  row(
    "a parameter twice",
    "response_invalid",
    { faults: { answer: (parameters) => parameters.append("code", "second") } },
    [/code/],
  ),
  row(
    "a provider that is not there",
    "unknown_provider",
    { start: "/auth/login/gogle" },
    [/no provider gogle, only acme/],
    [/no such way to sign in/],
  ),
  row("a provider in upper case", "unknown_provider", { start: "/auth/login/Acme" }, [
    /no provider Acme, only acme/,
    /lower-case: write \/auth\/login\/acme/,
  ]),
  row(
    "onSignIn throws",
    "sign_in_refused",
    {
      options: {
        onSignIn: () => {
          throw new RangeError("no seat left");
        },
      },
    },
    [/onSignIn threw RangeError/, /no seat left/, /refuses the sign-in/],
    [/did not accept the sign-in/],
  ),
  row(
    "onSignIn turns somebody away",
    "not_admitted",
    {
      options: {
        onSignIn: () => {
          throw new ClientError("not_admitted", "no employee", { hint: "Only colleagues can sign in here." });
        },
      },
    },
    [/no employee/],
    [/You cannot sign in here with this account\. Only colleagues can sign in here\./],
  ),
  row(
    "the store is down",
    "store_unavailable",
    { options: { store: brokenStore() } },
    [/database is gone/, /has room and is not locked/],
    [/cannot remember who is signed in/],
  ),
  row(
    "the store goes down while somebody is signed in",
    "none",
    {
      options: { store: breakable },
      drive: async ({ app, browser }) => {
        await browser.open(`${app}/me`);
        down = true;
        return browser.open(`${app}/me`).finally(() => {
          down = false;
        });
      },
    },
    [/store_unavailable: the database is gone/, /session\.unknown/, /database runs, can be reached/],
    [/cannot remember who is signed in/],
  ),
  row(
    "the sign-out form is on another site",
    "foreign_origin",
    {
      browser: { headers: { Origin: "https://other.example", "Sec-Fetch-Site": "cross-site" } },
      drive: ({ app, browser }) => browser.open(`${app}/auth/logout`, "returnTo=%2F"),
    },
    [/Sec-Fetch-Site is cross-site, Origin is https:\/\/other\.example, expected http:\/\/localhost/],
    [/came from another site/],
  ),
  row(
    "the routes are mounted under another path",
    "none",
    { start: "/shop/auth/login/acme" },
    [/came for \/shop\/auth\/login\/acme, but the routes are under \/auth/, /path: "\/shop\/auth"/],
    [/the application's own 404/],
  ),
  row(
    "the callback of another library is registered",
    "none",
    { faults: { back: (to) => to.replace("/auth/", "/api/auth/") } },
    [/came for \/api\/auth\/callback\/acme/, /register \/auth\/callback\/acme/],
  ),
  row("a slash at the end of a route", "none", { start: "/auth/login/acme/" }, [/without the slash at the end/]),
  row(
    "a place to return to on another site",
    "none",
    { start: "/auth/login/acme?returnTo=https%3A%2F%2Fevil.example%2Fdash%3Ftoken%3D1" },
    [/returnTo is https:\/\/evil\.example\/dash, expected a path of this application/, /returnTo=\/settings/],
  ),
  {
    title: "the sign-out is a link",
    code: "none",
    log: [],
    page: [/takes forms \(POST\)/, /method="post"/],
    seed: () => signIn({ start: "/auth/logout" }),
  },
];

/** Reads well and writes nothing: the sign-in leaves, and cannot end. */
function brokenStore() {
  const store = memoryStore();
  return {
    ...store,
    commit: async () => {
      throw new StoreUnavailable("the database is gone");
    },
  };
}
