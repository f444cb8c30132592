/**
 * Clients without a secret of their own: the platform they run on says who they are, in a token it signed (RFC 7521 §4.2 and
 * §6.3, RFC 7523 §3, RFC 10070 §4). Kubernetes service accounts, GitHub Actions and the like.
 *
 * Guarantees that a token convinces only for the one client an administrator tied to its issuer and subject, that it was made
 * for this server and nobody else, and that it counts once unless its issuer is one whose tokens are mounted to be used again.
 */
import { invalidClient, invalidClientMetadata } from "@valetkey/protocol/errors";
import { type JwsAlgorithm, type JwtClaims, JwtError, type KeyResolver, verifyJwt } from "@valetkey/protocol/jose";
import type { JwkSet } from "@valetkey/protocol/jwk";
import { audiencesOf, normalTyp, timeOf } from "@valetkey/protocol/jwt-claims";
import { wellKnown } from "@valetkey/protocol/metadata";
import { fetchJson } from "@valetkey/protocol/read-json";
import { JwksUnavailable } from "@valetkey/protocol/remote-jwks";
import { isStranger } from "../clients.ts";
import type { MemberCheck } from "../lib/client-members.ts";
import type { Op } from "../op.ts";
import { readAssertion, refuseReplay } from "./assertion.ts";
import type { ClientAuthMethod } from "./method.ts";

const clockTolerance = 10;
/** Milliseconds for which a discovered `jwks_uri` is believed, and after which an issuer that did not answer is asked again. */
const rediscoverAfter = 3_600_000;
const retryAfter = 10_000;

/** A platform whose word about its workloads counts here. */
export interface TrustedIssuer {
  /** `iss` of its tokens, exactly. */
  readonly issuer: string;
  /** Its keys: by value, for a cluster that cannot be reached from here, … */
  readonly jwks?: JwkSet;
  /** … or where they are; found by OpenID Connect Discovery unless either is given. */
  readonly jwks_uri?: string;
  /** What `aud` must be, alone; this server's issuer unless given. */
  readonly audience?: string;
  /** Which workload a token is about; `sub` unless given. Nothing: none. */
  readonly subjectOf?: (claims: JwtClaims) => string | undefined;
  readonly algorithms?: readonly JwsAlgorithm[];
  /** Seconds between now and `exp`, at most; 3600 unless given. */
  readonly maxLifetime?: number;
  /** `once`: its tokens need a `jti` and count once. `until-expiry`: they are mounted as files and used again. */
  readonly use?: "once" | "until-expiry";
}

/** Which workload a client is: member of its metadata. */
export interface FederatedIdentity {
  readonly issuer: string;
  readonly subject: string;
}

/** Trusts GitHub Actions: workflows ask for a token for this server's issuer. The subject is `repo:<owner>/<name>:…`. */
export function githubActions(options: Partial<TrustedIssuer> = {}): TrustedIssuer {
  const issuer = "https://token.actions.githubusercontent.com";
  return { issuer, jwks_uri: `${issuer}/.well-known/jwks`, maxLifetime: 900, ...options };
}

/** Trusts a Kubernetes cluster: pods mount a token for this server's issuer. The subject is `system:serviceaccount:<namespace>:<name>`. */
export function kubernetes(options: TrustedIssuer): TrustedIssuer {
  return { use: "until-expiry", ...options };
}

/**
 * `federated_jwt`: `client_id` and, as `client_assertion`, a token of one of these issuers. A client says in `federatedIdentity`
 * which workload it is; only an administrator can give it one.
 */
export function federatedCredentials({ issuers }: { readonly issuers: readonly TrustedIssuer[] }): ClientAuthMethod {
  const trusted = new Map(issuers.map((one) => [one.issuer, one]));
  const keysOf = keyFinder();
  return {
    method: "federated_jwt",
    members: { federatedIdentity: identity },

    read(_request, form) {
      if (readAssertion(form)?.by !== "issuer") return undefined;
      // The token names a workload: which client that is, the request must say.
      if (form.client_id === undefined) throw invalidClient("client_id is missing beside the assertion of an issuer");
      return { client_id: form.client_id };
    },

    async verify(op, client, _request, form) {
      const own = client.metadata.federatedIdentity as FederatedIdentity | undefined;
      const issuer = trusted.get(own?.issuer ?? "");
      if (own === undefined || issuer === undefined) return false;
      const claims = await verifyToken(op, issuer, await keysOf(op, issuer), form.client_assertion ?? "");
      const { subjectOf = ({ sub }) => sub } = issuer;
      // Of a token that is good, but another workload's, nobody is told more than that.
      if (subjectOf(claims) !== own.subject) return false;
      if (issuer.use === "until-expiry") return true;
      const expiresAt = ((timeOf(claims, "exp") ?? 0) + clockTolerance) * 1000;
      await refuseReplay(op, `issuer ${issuer.issuer}`, String(claims.jti), expiresAt);
      return true;
    },

    check({ federatedIdentity }, provenance) {
      if (isStranger({ provenance })) throw invalidClientMetadata("federated_jwt is for an administrator to give");
      const { issuer } = (federatedIdentity ?? {}) as Partial<FederatedIdentity>;
      if (issuer === undefined || !trusted.has(issuer))
        throw invalidClientMetadata(`federatedIdentity must name one of the issuers ${[...trusted.keys()].join(", ")}`);
    },
  };
}

const identity: MemberCheck = (value) => {
  const { issuer, subject, ...more } = (value ?? {}) as Record<string, unknown>;
  const isText = (one: unknown) => typeof one === "string" && one !== "" && one.length <= 1024;
  if (!isText(issuer) || !isText(subject) || Object.keys(more).length > 0)
    throw invalidClientMetadata("federatedIdentity must be an issuer and a subject");
  return true;
};

async function verifyToken(
  op: Op,
  { issuer, audience = op.issuer, use = "once", maxLifetime = 3600, ...rest }: TrustedIssuer,
  keys: JwkSet | KeyResolver,
  token: string,
): Promise<JwtClaims> {
  const now = op.now();
  try {
    const { header, claims } = await verifyJwt(token, {
      keys,
      algorithms: rest.algorithms ?? ["RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"],
      issuer,
      audience,
      now,
      clockTolerance,
      requiredClaims: use === "once" ? ["sub", "jti"] : ["sub"],
    });
    const type = normalTyp(header.typ);
    // RFC 8725 §3.11: an access token or a logout token of the same issuer is no statement about a workload.
    if (type !== undefined && type !== "jwt" && type !== "client-authentication+jwt")
      throw new JwtError("typ", "not a token about a workload");
    // RFC 10070 §4: with a second audience the token could be replayed here by whoever that is.
    if (audiencesOf(claims).length !== 1) throw new JwtError("audience", "the token must have one audience");
    if (use === "once" && (claims.jti === "" || (claims.jti ?? "").length > 256))
      throw new JwtError("claims", "jti must have 1 to 256 characters");
    if ((timeOf(claims, "exp") ?? 0) > now / 1000 + maxLifetime + clockTolerance)
      throw new JwtError("claims", "the token lives too long");
    return claims;
  } catch (cause) {
    if (!(cause instanceof JwtError)) throw cause;
    throw invalidClient(`the assertion of the issuer is refused: ${cause.message}`, { cause });
  }
}

/** Finds the keys of issuers; where they are is discovered now and then, by one request at a time for each. */
function keyFinder(): (op: Op, issuer: TrustedIssuer) => Promise<JwkSet | KeyResolver> {
  const known = new Map<string, { until: number; readonly found: Promise<string> }>();
  return async (op, { issuer, jwks, jwks_uri }) => {
    if (jwks !== undefined) return jwks;
    if (jwks_uri !== undefined) return op.remoteKeys(jwks_uri);
    const now = op.now();
    let entry = known.get(issuer);
    if (entry === undefined || now >= entry.until) {
      entry = { until: now + rediscoverAfter, found: discover(op, issuer) };
      known.set(issuer, entry);
    }
    try {
      return op.remoteKeys(await entry.found);
    } catch (cause) {
      entry.until = Math.min(entry.until, now + retryAfter);
      throw new JwksUnavailable(`where the keys of ${issuer} are cannot be found out`, { cause });
    }
  };
}

/** OpenID Connect Discovery §4.3: the document is the issuer's own. */
async function discover(op: Op, issuer: string): Promise<string> {
  const { response, body } = await fetchJson(
    op.fetch,
    wellKnown(issuer, "openid-configuration"),
    {},
    { timeoutMs: 5000 },
  );
  if (!response.ok || body.issuer !== issuer || typeof body.jwks_uri !== "string")
    throw new Error(`no metadata of ${issuer} (HTTP status ${response.status})`);
  return body.jwks_uri;
}
