/**
 * Tokens bound to the certificate of the client's TLS connection (RFC 8705 §3, §4, §5).
 *
 * Guarantees that a bound token is of use only on a connection made with the same certificate. Which certificate that was, is
 * known from the connection or from a proxy that the listener was told to trust, never from a header taken here.
 */
import { base64url, sha256 } from "@valetkey/protocol/digest";
import { invalidToken } from "@valetkey/protocol/errors";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import { boolean } from "../lib/client-members.ts";
import type { Op } from "../op.ts";
import type { BindingMethod } from "../tokens/binding.ts";

/**
 * Certificate-bound tokens, for clients that registered `tls_client_certificate_bound_access_tokens`. `aliases`: the origin where
 * certificates are asked for, if it is another than the issuer's (§5), e.g. `https://mtls.id.example`.
 */
export function certificateBound({ aliases }: { readonly aliases?: string } = {}): BindingMethod {
  return {
    binding: "tls",
    wantedBy: ({ metadata }) => metadata.tls_client_certificate_bound_access_tokens === true,
    members: { tls_client_certificate_bound_access_tokens: boolean },
    metadata: (op) => ({
      tls_client_certificate_bound_access_tokens: true,
      ...(aliases === undefined ? {} : { mtls_endpoint_aliases: aliasesOf(op, aliases) }),
    }),

    async read(_op, _request, { certificate }, client) {
      if (certificate === undefined || client.metadata.tls_client_certificate_bound_access_tokens !== true)
        return undefined;
      return { cnf: { "x5t#S256": await certificateThumbprint(certificate) }, token_type: "Bearer" };
    },

    async checkPresented(_op, _request, { peer }, cnf) {
      const { certificate } = peer;
      const found = certificate === undefined ? undefined : await certificateThumbprint(certificate);
      if (found === undefined || found !== cnf["x5t#S256"])
        throw invalidToken("the access token is bound to another certificate");
    },
  };
}

/** Thumbprint of a certificate given as DER in base64: SHA-256, base64url (§3.1). */
export async function certificateThumbprint(certificate: string): Promise<string> {
  return base64url(await sha256(Uint8Array.from(atob(certificate), (character) => character.charCodeAt(0))));
}

/** §5: endpoints that clients call themselves, under the other origin. */
export function aliasesOf(op: Op, origin: string): Record<string, string> {
  const at = (url: string) => new URL(new URL(url).pathname, origin).href;
  const { token, revoke, introspect, userinfo, push, device_authorization, backchannel_authentication } = op.urls;
  const served = new Set(op.parts.flatMap(({ endpoints = [] }) => endpoints.map(({ name }) => name)));
  const aliases = {
    token_endpoint: at(token),
    revocation_endpoint: at(revoke),
    introspection_endpoint: at(introspect),
    userinfo_endpoint: at(userinfo),
    ...(served.has("push") ? { pushed_authorization_request_endpoint: at(push) } : {}),
    ...(served.has("device_authorization") ? { device_authorization_endpoint: at(device_authorization) } : {}),
    ...(served.has("backchannel_authentication")
      ? { backchannel_authentication_endpoint: at(backchannel_authentication) }
      : {}),
  } satisfies Partial<ServerMetadata>;
  return aliases;
}
