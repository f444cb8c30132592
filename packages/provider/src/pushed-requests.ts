/**
 * Whether clients may push their authorization requests, and for how long those wait (RFC 9126).
 */
import { pushEndpoint } from "./endpoints/push.ts";
import { boolean } from "./lib/client-members.ts";
import type { Part } from "./part.ts";

/** Made by `pushedRequests()`. */
export interface PushedRequests extends Part {
  /** Every client must push its requests. */
  readonly required: boolean;
  /** Seconds a pushed request waits for its browser. */
  readonly lifetime: number;
  /** Every request names its `redirect_uri`. */
  readonly namesRedirect: boolean;
}

/**
 * Lets clients push their requests. `required` of all clients, or of those that registered so (§6). `lifetime` in seconds, 60.
 * `namesRedirect`: a request without `redirect_uri` is refused although only one is registered.
 */
export function pushedRequests(
  options: { readonly required?: boolean; readonly lifetime?: number; readonly namesRedirect?: boolean } = {},
): PushedRequests {
  const { required = false, lifetime = 60, namesRedirect = false } = options;
  return {
    required,
    lifetime,
    namesRedirect,
    endpoints: [{ name: "push", methods: ["POST"], who: "script", run: pushEndpoint }],
    members: { require_pushed_authorization_requests: boolean },
    metadata: (op) => ({
      pushed_authorization_request_endpoint: op.urls.push,
      require_pushed_authorization_requests: required,
    }),
  };
}
