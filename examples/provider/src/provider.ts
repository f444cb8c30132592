/**
 * Steps 1 to 3 of the guide: configure the provider, say where things are remembered, let clients register.
 */
import { createProvider, type Provider } from "@valetkey/provider";
import { createKeys } from "@valetkey/provider/keys";
import { openRegistration } from "@valetkey/provider/registration-policy";
import type { OpenStore } from "@valetkey/store";
import { users } from "./users.ts";

/** Makes the provider over a store; `issuer` is where the app is reached, `secret` has at least 32 characters. */
export function makeProvider({
  issuer,
  secret,
  store,
}: {
  issuer: string;
  secret: string;
  store: OpenStore;
}): Provider {
  const keys = createKeys({ store, secret });
  // What has expired is deleted, keys that are old are rotated.
  setInterval(() => Promise.all([store.sweep(), keys.maintain()]).catch(console.error), 60_000).unref();
  return createProvider({
    issuer,
    secret,
    // 2. Clients, tokens and codes need no models of yours: they are entries of the store.
    store,
    keys,
    accounts: { find: (subject) => users.find(subject) },
    // 10. What clients may ask for, in the words the consent page shows.
    scopes: { "photos:read": "See your photos" },
    // 3. Anybody may register a client at /oauth/register. Without this line nobody can.
    registration: openRegistration(),
    paths: { register: "/oauth/register", authorize: "/oauth/authorize", token: "/oauth/token" },
    pages: { login: "/login", consent: "/authorize-form", select_account: "/login" },
  });
}
