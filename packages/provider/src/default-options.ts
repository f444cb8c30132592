/**
 * What holds where `createProvider` is not told otherwise: lifetimes and paths (RFC 6749 §4.1.2, RFC 9700 §4.14).
 */
import type { EndpointName, Lifetimes, SigningAlg } from "./op.ts";
import type { ProviderOptions } from "./options.ts";

/** Seconds. */
export const defaultLifetimes: Lifetimes = {
  code: 60,
  access: 900,
  id_token: 3600,
  refreshIdle: 14 * 86_400,
  refreshAbsolute: 90 * 86_400,
  refreshRetry: 20,
  interaction: 1800,
  sessionIdle: 7 * 86_400,
  sessionAbsolute: 30 * 86_400,
  sessionShort: 12 * 3600,
};

/** Under the issuer. */
export const defaultPaths: Readonly<Record<EndpointName, string>> = {
  authorize: "/authorize",
  token: "/token",
  userinfo: "/userinfo",
  revoke: "/revoke",
  introspect: "/introspect",
  register: "/register",
  end_session: "/end-session",
  jwks: "/jwks",
  push: "/par",
  device_authorization: "/device-authorization",
  backchannel_authentication: "/backchannel-authentication",
  oauth1_initiate: "/oauth1/initiate",
  oauth1_authorize: "/oauth1/authorize",
  oauth1_token: "/oauth1/token",
  grant_management: "/grants",
  challenge: "/challenge",
};

/** The algorithms there is a key for and that may be used. */
export const usableAlgs = (algs: readonly SigningAlg[], { signingAlgs }: Pick<ProviderOptions, "signingAlgs">) =>
  algs.filter((alg) => signingAlgs === undefined || signingAlgs.includes(alg));
