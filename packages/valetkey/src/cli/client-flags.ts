/**
 * From the flags of `valetkey client add` and `set` to client metadata (RFC 7591 §2), and back from a refusal to the flag.
 *
 * The one property: a refusal names the flag, and the value where it can be found out.
 */
import type { JwkSet } from "@valetkey/protocol/jwk";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { checkRedirectUri } from "@valetkey/protocol/redirect-uri";
import { closest } from "../did-you-mean.ts";
import { grantNames } from "../grant-names.ts";
import { methodsFor } from "../oauth1-setting.ts";
import { CliError } from "./errors.ts";
import { harmless } from "./terminal.ts";

/** Flags that describe a client. */
export interface ClientFlags {
  readonly name?: string;
  readonly redirectUri?: string[];
  readonly postLogoutRedirectUri?: string[];
  readonly grantType?: string[];
  readonly scope?: string;
  readonly authMethod?: string;
  readonly jwks?: JwkSet;
  readonly jwksUri?: string;
  readonly introspects?: string[];
  readonly public?: boolean;
  readonly oauth1?: boolean;
}

/** Puts the flags into the words of RFC 7591 §2. */
export function metadataOf(flags: ClientFlags): ClientMetadata {
  const method = flags.public === true ? "none" : flags.authMethod;
  const key = flags.jwks === undefined && flags.jwksUri === undefined ? "secret" : "public key";
  return {
    ...(flags.name === undefined ? {} : { client_name: flags.name }),
    ...(flags.redirectUri === undefined ? {} : { redirect_uris: flags.redirectUri }),
    ...(flags.postLogoutRedirectUri === undefined ? {} : { post_logout_redirect_uris: flags.postLogoutRedirectUri }),
    ...(flags.grantType === undefined ? {} : { grant_types: flags.grantType.map(wholeName) }),
    ...(flags.scope === undefined ? {} : { scope: flags.scope }),
    ...(flags.introspects === undefined ? {} : { introspects: flags.introspects }),
    ...(method === undefined ? {} : { token_endpoint_auth_method: method }),
    ...(flags.jwks === undefined ? {} : { jwks: flags.jwks }),
    ...(flags.jwksUri === undefined ? {} : { jwks_uri: flags.jwksUri }),
    ...(flags.oauth1 === true ? { oauth1_signature_methods: methodsFor(key) } : {}),
  };
}

/** Grant types with a long name go by its last part, too: `device_code`. */
const wholeName = (grant: string): string => grantNames.find((name) => name.endsWith(`:${grant}`)) ?? grant;

/**
 * An API that only introspects sends nobody anywhere: without redirect URIs and grant types it acts for itself, where it has
 * no scopes unless --scope gives it some.
 */
export function withOwnGrant<F extends ClientFlags>(flags: F): F | (F & { grantType: string[] }) {
  const { introspects, redirectUri, grantType } = flags;
  if (introspects === undefined || redirectUri !== undefined || grantType !== undefined) return flags;
  return { ...flags, grantType: ["client_credentials"] };
}

/** Refuses a client of OAuth 1.0a where nobody would serve it. Throws `VK2003`. */
export function checkServesOAuth1({ oauth1 }: ClientFlags, setting: unknown): void {
  if (oauth1 !== true || (setting !== undefined && setting !== false)) return;
  const why = "this server does not serve OAuth 1.0a";
  throw new CliError(
    "VK2003",
    [
      ["why", why],
      ["flag", "--oauth1"],
    ],
    "add oauth1: true to the configuration",
  );
}

/** Says whether what it gets for itself is a token without scope (RFC 6749 §4.4). An API that only introspects wants no other. */
export function hasNoScopeOfItsOwn({ grantType = [], scope, introspects }: ClientFlags): boolean {
  return grantType.includes("client_credentials") && scope === undefined && introspects === undefined;
}

/** Scopes about a person (OpenID Connect Core §5.4, §11); a client on its own behalf has no person. */
const aboutPerson: readonly string[] = ["openid", "profile", "email", "address", "phone", "offline_access"];

/** Refuses a client that works on its own behalf alone with scopes it never could use (RFC 6749 §4.4). Throws `VK2003`. */
export function checkOwnScopes({ grantType, scope }: ClientFlags): void {
  if (scope === undefined || grantType === undefined) return;
  if (!grantType.every((type) => type === "client_credentials")) return;
  const refused = scope.split(" ").filter((one) => aboutPerson.includes(one));
  if (refused.length === 0) return;
  const why = "a client with client_credentials alone acts for itself, and these scopes are about a person";
  const fix = "leave them out of --scope, or add --grant-type authorization_code with a --redirect-uri";
  throw new CliError(
    "VK2003",
    [
      ["why", why],
      ["got", `--scope ${harmless(refused.join(" "))}`],
    ],
    fix,
  );
}

const examples: readonly [about: RegExp, flag: string, fix: string][] = [
  [/needed with oauth1_signature_methods/, "--scope", '--scope "openid profile": what its tokens may do'],
  [/post_logout_redirect_uri/, "--post-logout-redirect-uri", "--post-logout-redirect-uri https://app.example.org/"],
  [/redirect_uris? |redirect URI/, "--redirect-uri", "--redirect-uri https://app.example.org/callback"],
  [
    /jwks|federatedIdentity|tls_client_auth/,
    "--auth-method",
    "--jwks <file> or --jwks-uri <url>; names and workloads: in the configuration",
  ],
  [/token_endpoint_auth_method|secret/, "--auth-method", "--auth-method client_secret_basic, or --public"],
  [/introspect/, "--introspects", "--introspects <resource>, one of the resources of the configuration"],
  [/refresh_token alone/, "--grant-type", "--grant-type authorization_code --grant-type refresh_token"],
  [/grant_types|client_credentials/, "--grant-type", "--grant-type authorization_code"],
  [/scope/, "--scope", '--scope "openid profile", or name the scope under scopes or resources in the configuration'],
];

/** Puts the provider's refusal of metadata into flags and values; gives any other error back as it is. */
export function explainMetadata(error: unknown, flags: ClientFlags): unknown {
  const { description } = error as { description?: unknown };
  if (!(error instanceof Error) || error.name !== "OAuthError" || typeof description !== "string") return error;
  const found = examples.find(([about]) => about.test(description));
  if (!found) return error;
  const [, flag, usual] = found;
  const grant = unknownGrant(description, flags);
  const got = grant?.got ?? valueGiven(flag, description, flags);
  const fix = grant?.fix ?? usual;
  return new CliError(
    "VK2003",
    [["why", description], ["flag", flag], ...(got === undefined ? [] : [["got", harmless(got)] as const])],
    fix,
  );
}

/** Which of the grant types is not one, and what to write in its place: the others stay. */
function unknownGrant(description: string, { grantType = [] }: ClientFlags): { got: string; fix: string } | undefined {
  const known = /grant_types must be among ([\w:.-]+(?:, [\w:.-]+)*)/.exec(description)?.[1]?.split(", ") ?? [];
  const got = grantType.find((grant) => !known.includes(wholeName(grant)));
  if (known.length === 0 || got === undefined) return undefined;
  const meant = closest(got, [...known, ...known.map((name) => name.slice(name.lastIndexOf(":") + 1))]);
  const names = known.join(", ");
  const fix = meant === undefined ? `--grant-type with one of ${names}` : `--grant-type ${meant} in its place`;
  return {
    got,
    fix: grantNames.some((name) => name === wholeName(got))
      ? `add ${wholeName(got)} to grants in the configuration`
      : fix,
  };
}

function valueGiven(flag: string, description: string, flags: ClientFlags): string | undefined {
  if (flag === "--redirect-uri") return refusedUri(flags.redirectUri, description);
  if (flag === "--post-logout-redirect-uri") return refusedUri(flags.postLogoutRedirectUri, description);
  if (flag === "--auth-method") return flags.authMethod;
  if (flag === "--introspects") return flags.introspects?.join(" ");
  return flag === "--scope" ? flags.scope : flags.grantType?.join(" ");
}

/** The first of the URIs that is refused in these words, whatever kind of application it is for. */
function refusedUri(uris: readonly string[] = [], description: string): string | undefined {
  return uris.find((uri) =>
    (["web", "native"] as const).some((application_type) => {
      try {
        checkRedirectUri(uri, { application_type, allowLoopbackHttp: true });
        return false;
      } catch (error) {
        return description.endsWith(String((error as { description?: unknown }).description));
      }
    }),
  );
}
