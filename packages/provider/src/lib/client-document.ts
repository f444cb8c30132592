/**
 * Reads a client ID metadata document: from what anybody may write to metadata that was checked like a stranger's registration.
 *
 * draft-ietf-oauth-client-id-metadata-document-03 §4, §4.1, §4.3, §6; OpenID Connect RP Metadata Choices §2 and §4. Guarantees that a document speaks
 * for its own URL only and holds no secret. It is written for all servers at once: what it offers and we do not have is passed
 * over, what it demands is not.
 */
import { invalidClientMetadata, isOAuthError, type OAuthError } from "@valetkey/protocol/errors";
import { decodeUnverified, JwtError } from "@valetkey/protocol/jose";
import type { ClientMetadata } from "@valetkey/protocol/metadata";
import { checkClient } from "../check-client.ts";
import { none } from "../client-auth/none.ts";
import type { ClientIdDocuments } from "../client-id-documents.ts";
import type { Op } from "../op.ts";
import { holds } from "../response-types.ts";
import { knownScopes } from "../scopes-of.ts";

export interface ReadDocument {
  readonly metadata: ClientMetadata;
  /** Ways in which the client may authenticate here; none if we have none of those it offers. */
  readonly methods: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

/** Reads. Throws `invalid_client_metadata` or `invalid_redirect_uri` for what is no document of this client. */
export function readDocument(
  op: Op,
  { grant_types }: Pick<ClientIdDocuments, "grant_types">,
  client_id: string,
  body: Json,
): ReadDocument {
  if (body.client_id !== client_id) throw invalidClientMetadata("client_id of the document is not its own URL");
  checkSecrets(body);
  const { software_statement, token_endpoint_auth_methods_supported: _, client_id: __, ...rest } = body;
  checkStatement(software_statement);
  const preferred = body.token_endpoint_auth_method;
  const metadata = {
    ...rest,
    ...shared(
      rest,
      "grant_types",
      (type) => grant_types.includes(type) && (op.grants.has(type) || type === "implicit"),
    ),
    ...shared(rest, "response_types", (type) => holds(type, "code") || grant_types.includes("implicit")),
    ...(typeof rest.scope === "string" ? { scope: knownOf(op, rest.scope) } : {}),
  };
  const offered = offeredMethods(body);
  const ours = op.clientAuth.filter(({ method, secret }) => secret === undefined && offered.includes(method));
  const usable: ClientMetadata[] = [];
  let mistake: OAuthError | undefined;
  for (const { method } of [...ours].sort((one) => (one.method === preferred ? -1 : 0))) {
    try {
      usable.push(checkClient(op, { ...metadata, token_endpoint_auth_method: method }, "document"));
    } catch (error) {
      if (!isOAuthError(error)) throw error;
      mistake ??= error;
    }
  }
  const [first] = usable;
  if (first !== undefined)
    return { metadata: first, methods: usable.map((one) => one.token_endpoint_auth_method ?? "none") };
  // §6: nothing in common is not the same as nonsense: the client is told, at a redirect URI of its own.
  const bare = { ...metadata, token_endpoint_auth_method: "none", token_endpoint_auth_signing_alg: undefined };
  try {
    return { metadata: checkClient({ ...op, clientAuth: [none] }, bare, "document"), methods: [] };
  } catch (error) {
    throw mistake ?? error;
  }
}

/** §4.1: everybody can read the document, so nothing in it is a secret. */
function checkSecrets(members: Json): void {
  for (const name of ["client_secret", "client_secret_expires_at"])
    if (name in members) throw invalidClientMetadata(`a client metadata document must not have ${name}`);
  const methods = [members.token_endpoint_auth_method, members.token_endpoint_auth_methods_supported].flat();
  if (methods.some((method) => typeof method === "string" && method.startsWith("client_secret")))
    throw invalidClientMetadata("a client with a metadata document must not authenticate with a shared secret");
}

/** §4.3: nor in what somebody else signed for it. Whose word that is matters to nobody here. */
function checkStatement(statement: unknown): void {
  if (statement === undefined || statement === null) return;
  if (typeof statement !== "string") throw invalidClientMetadata("software_statement must be a JWT");
  try {
    checkSecrets(decodeUnverified(statement).claims);
  } catch (cause) {
    if (!(cause instanceof JwtError)) throw cause;
    throw invalidClientMetadata("software_statement must be a JWT", { cause });
  }
}

/** §6: the default of RFC 7591 is a shared secret, so here it is `none`; but never beside a list. */
function offeredMethods(body: Json): readonly string[] {
  const { token_endpoint_auth_method: one, token_endpoint_auth_methods_supported: list } = body;
  if (one !== undefined && typeof one !== "string")
    throw invalidClientMetadata("token_endpoint_auth_method must be a string");
  if (list === undefined) return [one ?? "none"];
  if (!Array.isArray(list) || list.length > 20 || !list.every((name) => typeof name === "string"))
    throw invalidClientMetadata("token_endpoint_auth_methods_supported must be an array of at most 20 strings");
  if (one !== undefined && !list.includes(one))
    throw invalidClientMetadata("token_endpoint_auth_method must be one of token_endpoint_auth_methods_supported");
  return list;
}

/** Of a list those that are of use here; what is no list is left for the check to refuse. */
function shared(members: Json, name: string, isOfUse: (one: string) => boolean): Json {
  const list = members[name];
  if (!Array.isArray(list) || !list.every((one) => typeof one === "string")) return {};
  return { [name]: list.filter(isOfUse) };
}

function knownOf(op: Op, scope: string): string | undefined {
  const known = knownScopes(op);
  const names = scope.split(" ").filter((name) => known.has(name));
  return names.length === 0 ? undefined : names.join(" ");
}

/** What people are shown of a client, and what proves it: when it is another, they are asked again. */
export function shownOf({ metadata, methods }: ReadDocument): string {
  const { client_uri, redirect_uris, jwks, jwks_uri } = metadata;
  const names = Object.entries(metadata).filter(([name]) => name.split("#")[0] === "client_name");
  return JSON.stringify([
    names.sort(),
    client_uri,
    [...(redirect_uris ?? [])].sort(),
    jwks,
    jwks_uri,
    [...methods].sort(),
  ]);
}
