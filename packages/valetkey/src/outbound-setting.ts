/**
 * Two settings about strangers: whether clients may be known by a document at their URL, and what this server may call.
 *
 * draft-ietf-oauth-client-id-metadata-document-03. The one property: a host is compared whole, so that a list of hosts means those hosts.
 */
import { type ClientIdDocuments, clientIdDocuments, notHosts, onlyHosts } from "@valetkey/provider/client-id-documents";
import { z } from "zod";
import { readAllowed } from "./guarded-fetch.ts";

const hostWords = {
  error: "must be a list of host names, like agent.example.org, or *.example.org for those below it",
};
const hosts = z.array(z.string(hostWords).regex(/^(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*$/, hostWords), hostWords);

const documentWords = "must be true or false, or say which hosts: { allow: […] } or { deny: […] }";
const documents = z.union(
  [
    z.boolean(),
    z.strictObject({ allow: hosts.optional(), deny: hosts.optional(), onChange: z.enum(["ask", "revoke"]).optional() }),
  ],
  { error: documentWords },
);

const allowWords = { error: "must be a list of hosts with or without a port, like rp.internal:8443" };
const portWords = { error: "must be a list of ports" };
const outbound = z.strictObject({
  allow: z
    .array(
      z.string(allowWords).refine((entry) => readAllowed(entry) !== undefined, allowWords),
      allowWords,
    )
    .default([]),
  ports: z.array(z.number(portWords).int(portWords).min(1, portWords).max(65_535, portWords), portWords).default([443]),
});

/** For the schema of a configuration. */
export const outboundSettings = {
  clientIdDocuments: documents.optional(),
  outbound: outbound.default({ allow: [], ports: [443] }),
};

type Documents = z.output<typeof documents> | undefined;

/** What the provider is given for the setting: a profile's own where nothing is written, nothing where it says `false`. */
export function documentsOf(
  setting: Documents,
  { ports }: z.output<typeof outbound>,
  profile: ClientIdDocuments | undefined,
): { readonly clientIdDocuments?: ClientIdDocuments } {
  if (setting === false || (setting === undefined && profile === undefined)) return {};
  const { allow, deny = [], onChange } = typeof setting === "object" ? setting : {};
  const isAllowed = allow === undefined ? () => true : onlyHosts(allow);
  const isNotDenied = notHosts(deny);
  return {
    clientIdDocuments: clientIdDocuments({
      allow: (url) => isAllowed(url) && isNotDenied(url),
      ports,
      ...(onChange === undefined ? {} : { onChange }),
    }),
  };
}
