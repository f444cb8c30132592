/**
 * What is known of an issuer while the application runs: its metadata and keys, fetched when first needed and kept a while.
 *
 * OpenID Connect Discovery §4, RFC 8414 §3.3, OpenID Connect Core §10.1.1.
 * Guarantees that an application starts and keeps working while the issuer is down, and that metadata which turns out to be
 * about another issuer is refused at once, however good the former was.
 */
import { createRemoteJwks, type KeyResolver } from "@valetkey/protocol/jose";
import { keepDocument } from "@valetkey/protocol/kept-document";
import type { ServerMetadata } from "@valetkey/protocol/metadata";
import type { Fetch } from "@valetkey/protocol/read-json";
import { ClientError, isClientError } from "../client-error.ts";
import { discover } from "../discover.ts";
import type { Log } from "../log.ts";
import { type BackOff, createBackOff, departuresAtOnce } from "./back-off.ts";

const withoutJwks =
  'Have the provider publish jwks_uri, or add metadata: { jwks_uri: "https://..." } to the provider. A service without ID tokens is named with oauth2() instead.';

export interface Issuer {
  /** Gives the metadata, or throws as `discover` does. */
  metadata(): Promise<ServerMetadata>;
  /** Finds the keys that sign ID tokens; unknown ones are fetched at most once per cool-down. */
  keys(): Promise<KeyResolver>;
  /** How requests fare that bring a refresh token: to be renewed, or revoked. */
  readonly refreshes: BackOff;
  /** How pushed requests fare, which everybody on the way in causes. */
  readonly pushes: BackOff;
}

export function createIssuer(
  issuer: string,
  ports: {
    readonly fetch: Fetch;
    readonly now: () => number;
    readonly log: Log;
    readonly overrides?: Partial<Omit<ServerMetadata, "issuer">> | undefined;
    /** The text that stands in the document for all the issuers there are at this place. */
    readonly template?: string | undefined;
    /** Metadata of a service that publishes none: nothing is fetched. */
    readonly fixed?: ServerMetadata;
  },
): Issuer {
  const { fetch, now, log, overrides } = ports;
  let jwks: { readonly uri: string; readonly resolver: KeyResolver } | undefined;

  const found = keepDocument({
    read: () => {
      const expected = ports.template === undefined ? {} : { issuer_template: ports.template };
      const over = overrides === undefined ? {} : { metadata: overrides };
      return discover(issuer, { fetch, ...over, ...expected });
    },
    now,
    isOutage: (error) => isClientError(error, "issuer_unavailable"),
    failed(err, how) {
      if (how === "refused") log.error({ event: "issuer.refused", issuer, err }, "the issuer's metadata was refused");
      else log.warn({ event: "issuer.stale", issuer, err }, "the issuer does not answer; its former metadata is used");
    },
  });
  const metadata = async (): Promise<ServerMetadata> => ports.fixed ?? found();

  return {
    metadata,
    async keys() {
      const { jwks_uri } = await metadata();
      if (jwks_uri === undefined)
        throw new ClientError("metadata_invalid", `${issuer} has no jwks_uri`, { fix: withoutJwks });
      if (jwks?.uri !== jwks_uri) jwks = { uri: jwks_uri, resolver: createRemoteJwks({ jwks_uri, fetch, now }) };
      return jwks.resolver;
    },
    refreshes: createBackOff(issuer, now),
    pushes: createBackOff(issuer, now, departuresAtOnce),
  };
}
