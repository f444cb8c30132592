/**
 * OAuth 1.0a beside OAuth 2: temporary credentials, the person's permission, token credentials, signed requests (RFC 5849).
 *
 * For applications that cannot be changed any more. Nothing of it is there unless `oauth1()` is among the provider's options, and it
 * serves clients only that an administrator registered for it (`oauth1_signature_methods`). Guarantees what the first version of
 * the protocol lacked: the callback is fixed before the person comes, and the verifier leads back to whoever was asked (§4.9).
 */
import { type SignatureMethod, signatureMethods } from "@valetkey/protocol/oauth1/signature";
import type { ApprovalWay } from "./authorize/approval.ts";
import { clientKeyMembers } from "./client-keys.ts";
import { oauth1Approval } from "./oauth1/approval.ts";
import { oauth1AuthorizeEndpoint } from "./oauth1/authorize.ts";
import { signatureMethodsMember } from "./oauth1/check-client.ts";
import { oauth1InitiateEndpoint } from "./oauth1/initiate.ts";
import { oauth1TokenEndpoint } from "./oauth1/token.ts";
import type { Part } from "./part.ts";

/** Made by `oauth1()`. */
export interface OAuth1 extends Part {
  readonly signatureMethods: readonly SignatureMethod[];
  /** Seconds. */
  readonly temporaryLifetime: number;
  readonly tokenLifetime: number;
  readonly approval: ApprovalWay;
}

/** RFC 5849 knows HMAC-SHA1 and RSA-SHA1, and so do its clients. PLAINTEXT shows the secrets: it must be asked for by name. */
const usual: readonly SignatureMethod[] = ["HMAC-SHA256", "HMAC-SHA1", "RSA-SHA256", "RSA-SHA1"];

/**
 * Serves OAuth 1.0a. `signatureMethods`: all but PLAINTEXT unless given. `temporaryLifetime`: seconds a person has to decide, 1800.
 * `tokenLifetime`: seconds a token lasts at most, a year; there is no refreshing in OAuth 1.0a. What is out of bounds is a
 * `TypeError`.
 */
export function oauth1(
  options: {
    readonly signatureMethods?: readonly SignatureMethod[];
    readonly temporaryLifetime?: number;
    readonly tokenLifetime?: number;
  } = {},
): OAuth1 {
  const { signatureMethods: methods = usual, temporaryLifetime = 1800, tokenLifetime = 365 * 86_400 } = options;
  const unknown = methods.find((method) => !signatureMethods.includes(method));
  if (unknown !== undefined || methods.length === 0)
    throw new TypeError(`oauth1: signatureMethods must be among ${signatureMethods.join(", ")}`);
  if (!isBetween(temporaryLifetime, 60, 86_400))
    throw new TypeError("oauth1: temporaryLifetime must be 60 to 86400 seconds");
  if (!isBetween(tokenLifetime, 60, 100 * 365 * 86_400))
    throw new TypeError("oauth1: tokenLifetime must be 60 seconds to 100 years");
  return {
    signatureMethods: methods,
    temporaryLifetime,
    tokenLifetime,
    approval: oauth1Approval,
    endpoints: [
      { name: "oauth1_initiate", methods: ["POST"], who: "server", run: oauth1InitiateEndpoint },
      { name: "oauth1_authorize", methods: ["GET"], who: "page", run: oauth1AuthorizeEndpoint },
      { name: "oauth1_token", methods: ["POST"], who: "server", run: oauth1TokenEndpoint },
    ],
    members: { ...clientKeyMembers, oauth1_signature_methods: signatureMethodsMember(methods) },
  };
}

const isBetween = (value: number, least: number, most: number): boolean =>
  Number.isSafeInteger(value) && value >= least && value <= most;
