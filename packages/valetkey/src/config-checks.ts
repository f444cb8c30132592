/**
 * What the provider would refuse in a configuration, found before anything is opened.
 *
 * The provider's own checks are asked, so `serve`, `doctor` and `config print` agree. The one property: what is malformed
 * already is left out, so that one mistake is one line, and the rest is looked at all the same.
 */
import { problemsOfClient } from "@valetkey/provider/check-client";
import { problemsOf } from "@valetkey/provider/check-options";
import { silentLog } from "@valetkey/provider/log";
import type { Keys, Resource } from "@valetkey/provider/op";
import { clientRules } from "@valetkey/provider/read-options";
import { exampleFor } from "./config-examples.ts";
import { clientSchema, configSchema, lifetimesSchema, type Mistake, resourceSchema } from "./config-schema.ts";
import type { GrantParts } from "./grant-names.ts";
import { oauth1Of } from "./oauth1-setting.ts";
import { documentsOf } from "./outbound-setting.ts";
import { composed, type Lists, usualLists } from "./profile-setting.ts";

/** The signing keys of a server: which algorithms, and for how many seconds a key stays published after its last signature. */
export const signingKeys = ({ signingAlgs }: Pick<Lists, "signingAlgs">) =>
  ({ algs: signingAlgs, keepFor: 86_400 }) satisfies Partial<Keys>;

/** Nothing is asked of anybody while a configuration is read. */
const nobody: GrantParts = {
  directory: { byEmail: async () => undefined, find: async () => undefined },
  log: silentLog,
};

/** Lists what the provider would refuse. `input`: the configuration as it was written, well-formed or not. */
export function providerMistakes(input: Readonly<Record<string, unknown>>): Mistake[] {
  const issuer = typeof input.issuer === "string" ? input.issuer : "";
  const resources = wellFormed(input.resources, (one) => resourceSchema.safeParse(one).data as Resource | undefined);
  const scopes = configSchema.shape.scopes.safeParse(input.scopes).data;
  const lists = listsIn(input);
  const { clientIdDocuments, ...listed } = composed(lists, nobody);
  const documents = configSchema.shape.clientIdDocuments.safeParse(input.clientIdDocuments).data;
  const outbound = { allow: [], ports: [] };
  const parts = { ...listed, ...documentsOf(documents, outbound, clientIdDocuments) };
  const oauth1 = oauth1Of(configSchema.shape.oauth1.safeParse(input.oauth1).data);
  const problems = problemsOf({
    ...parts,
    issuer,
    resources: resources.found,
    lifetimes: { ...parts.lifetimes, ...lifetimesOf(input.lifetimes) },
    keys: signingKeys(lists),
    ...(scopes === undefined ? {} : { scopes }),
  })
    .filter(({ option }) => option !== "issuer")
    .map(({ option, what }) => ({
      key: (option === "keys" ? "signingAlgs" : option).replace(
        /^resources\[(\d+)\]/,
        (_, at) => `resources[${resources.places[Number(at)]}]`,
      ),
      what,
    }));

  const rules = clientRules({
    ...parts,
    issuer,
    ...(oauth1 === undefined ? {} : { oauth1 }),
    keys: signingKeys(lists),
    resources: resources.found,
    ...(scopes === undefined ? {} : { scopes }),
  });
  const clients = wellFormed(input.clients, (one) => clientSchema.safeParse(one).data);
  const ofClients = clients.found.flatMap(({ client_id: _, client_secret: __, firstParty: ___, ...given }, at) => {
    // Which scopes and resources there are is known only when all of them can be read.
    const known = scopes !== undefined && resources.complete;
    const metadata = known ? given : { ...given, scope: given.scope && "openid", introspects: undefined };
    const present = Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined));
    const key = `clients[${clients.places[at]}]`;
    return problemsOfClient(rules, present, "config").map((what) => ({ key, what }));
  });
  return [...problems, ...ofClients].map(({ key, what }) => ({ key, what, ...exampleOf(key, what) }));
}

/** What the lists say as far as they are well-formed, and what the profile says for the rest. */
function listsIn(input: Readonly<Record<string, unknown>>): Lists {
  const { shape } = configSchema;
  const usual = usualLists(shape.profile.safeParse(input.profile).data ?? "openid");
  return {
    profile: usual.profile,
    grants: shape.grants.safeParse(input.grants).data ?? usual.grants,
    clientAuth: shape.clientAuth.safeParse(input.clientAuth).data ?? usual.clientAuth,
    bindings: shape.bindings.safeParse(input.bindings).data ?? usual.bindings,
    responseModes: shape.responseModes.safeParse(input.responseModes).data ?? usual.responseModes,
    logout: shape.logout.safeParse(input.logout).data ?? usual.logout,
    extensions: shape.extensions.safeParse(input.extensions).data ?? usual.extensions,
    push: shape.push.safeParse(input.push).data ?? usual.push,
    signingAlgs: shape.signingAlgs.safeParse(input.signingAlgs).data ?? usual.signingAlgs,
  };
}

/** Of a whole client the refusal says which member it is about. */
function exampleOf(key: string, what: string): { fix?: string } {
  if (!/^clients\[\d+\]$/.test(key)) return exampleFor(key);
  const member = /post_logout_redirect_uris|redirect_uris|grant_types/.exec(
    what.replace("a redirect URI", "redirect_uris"),
  );
  return member === null ? {} : exampleFor(`${key}.${member[0]}`);
}

function lifetimesOf(given: unknown): Record<string, number> {
  if (typeof given !== "object" || given === null) return {};
  return Object.fromEntries(
    Object.entries(lifetimesSchema.shape).flatMap(([name, schema]) => {
      const seconds = schema.safeParse((given as Record<string, unknown>)[name]).data;
      return seconds === undefined ? [] : [[name, seconds]];
    }),
  );
}

/** Those of a list that can be read, and where in the list they are. */
function wellFormed<T>(list: unknown, read: (one: unknown) => T | undefined) {
  const all: unknown[] = Array.isArray(list) ? list : [];
  const good = all.flatMap((one, place) => {
    const found = read(one);
    return found === undefined ? [] : [{ found, place }];
  });
  return {
    found: good.map(({ found }) => found),
    places: good.map(({ place }) => place),
    complete: (list === undefined || Array.isArray(list)) && good.length === all.length,
  };
}
