/**
 * The one check all adapters share: what a request presents goes in, a token or a refusal comes out.
 *
 * RFC 6750 §2.1 and §3, RFC 9449 §7, RFC 9470 §3, RFC 9728 §5.1.
 * Guarantees that what cannot be checked is refused, and that several guards on one request check its token once: the second use of
 * a DPoP proof is then no replay.
 */
import { OAuthError } from "@valetkey/protocol/errors";
import { challengeResponse, NoCredentials, type Scheme } from "../challenge.ts";
import { type AnswerMetadata, metadataUrl, resourceMetadata, serveMetadata } from "../metadata.ts";
import { type ResourceOptions, readOptions } from "../options.ts";
import { checkRequirement, type Requirement } from "../requirement.ts";
import type { Token } from "../token.ts";
import { type AnswerHeaders, checkBinding } from "./check-binding.ts";
import { checkSite } from "./check-site.ts";
import { explanationOf, isLoopbackUrl } from "./explain.ts";
import { type Credentials, type Presented, readCredentials } from "./presented.ts";

/** What became of a request: a token (none where that is optional) and headers for the answer, or the answer itself. */
export type Admission =
  | { readonly token: Token | undefined; readonly headers: AnswerHeaders; readonly refusal?: undefined }
  | { readonly refusal: Response };

export interface Gate {
  /** Lets in or refuses. What is neither the token's fault nor an outage is thrown. */
  admit(presented: Presented, requirement: Requirement): Promise<Admission>;
  /** Checks like `admit`; throws the `OAuthError` itself. */
  check(presented: Presented, requirement: Requirement): Promise<{ token: Token; headers: AnswerHeaders }>;
  /** Writes the answer to what `check` threw. */
  refuse(error: OAuthError, presented?: Pick<Presented, "authorization">, requirement?: Requirement): Response;
  /** Serves the RFC 9728 document, if there is one. */
  readonly metadata: AnswerMetadata;
}

interface Checked {
  readonly authorization: string | null;
  readonly dpop: string | null;
  readonly outcome: Promise<{ token: Token; headers: AnswerHeaders }>;
}

export function createGate(options: ResourceOptions): Gate {
  const resource = readOptions(options);
  const { source, binding, announcesDpop, base, isOnLoopback, allowedOrigins, clockTolerance, now } = resource;
  const { audience, realm = audience } = options;
  const document = options.metadata && resourceMetadata(audience, resource.issuers, describe(options));
  const resource_metadata = options.resource_metadata ?? (document && metadataUrl(audience));
  const isDevelopment = resource.issuers.every(isLoopbackUrl);
  const checked = new WeakMap<object, Checked>();

  const verifyOnce = (presented: Presented, credentials: Credentials): Checked["outcome"] => {
    const { carrier, authorization, dpop } = presented;
    const before = checked.get(carrier);
    if (before !== undefined && before.authorization === authorization && before.dpop === dpop) return before.outcome;
    const outcome = verify(presented, credentials);
    checked.set(carrier, { authorization, dpop, outcome });
    return outcome;
  };
  const verify = async (presented: Presented, credentials: Credentials) => {
    const token = await source.verify(credentials.token);
    return { token, headers: await checkBinding(token, credentials, presented, binding) };
  };

  const check: Gate["check"] = async (presented, requirement) => {
    if (isOnLoopback) checkSite(presented, allowedOrigins);
    const credentials = readCredentials(presented.authorization);
    if (credentials === undefined) throw new NoCredentials();
    const found = await verifyOnce(presented, credentials);
    await checkRequirement(found.token, credentials, requirement, { now: now(), clockTolerance });
    return found;
  };

  const refuse: Gate["refuse"] = (error, presented, requirement) => {
    const { authorization = null } = presented ?? {};
    return challengeResponse(error, {
      realm,
      resource_metadata,
      scope: requirement?.scopes[0],
      used: schemeOf(presented),
      schemes: requirement?.dpop === "required" ? ["DPoP"] : announcesDpop ? ["Bearer", "DPoP"] : ["Bearer"],
      dpopAlgorithms: binding.algorithms,
      explain: isDevelopment ? (e) => explanationOf(e, { ...resource, base, authorization }) : undefined,
    });
  };

  return {
    check,
    refuse,
    async admit(presented, requirement) {
      try {
        return await check(presented, requirement);
      } catch (e) {
        if (!(e instanceof OAuthError)) throw e;
        if (requirement.optional && e instanceof NoCredentials) return { token: undefined, headers: {} };
        return { refusal: refuse(e, presented, requirement) };
      }
    },
    metadata: document === undefined ? () => undefined : serveMetadata(document),
  };
}

// RFC 9728 §2: derived from what is configured, so that it cannot lie.
const describe = ({ metadata, dpop }: ResourceOptions) => ({
  ...(dpop?.algorithms === undefined ? {} : { dpop_signing_alg_values_supported: [...dpop.algorithms] }),
  ...metadata,
});

function schemeOf(presented: Pick<Presented, "authorization"> | undefined): Scheme | undefined {
  const [word = ""] = (presented?.authorization ?? "").split(" ", 1);
  return word.toLowerCase() === "dpop" ? "DPoP" : word.toLowerCase() === "bearer" ? "Bearer" : undefined;
}
