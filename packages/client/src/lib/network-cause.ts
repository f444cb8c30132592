/**
 * Why an exchange over the network failed, in words: read from what `fetch` throws.
 *
 * Runtimes put the system's or TLS's code on the error or one of its causes; timeouts have the name of `AbortSignal.timeout`.
 * Guarantees that a cause which is not known still gives its code, and no text from outside.
 */

/** What happened and what to do about it. */
export interface NetworkCause {
  readonly got: string;
  readonly fix: string;
}

const certificate = (got: string): NetworkCause => ({
  got,
  fix: "Give the provider a certificate of a public authority, or let this process trust its authority: NODE_EXTRA_CA_CERTS=/path/to/ca.pem. Do not switch the check off.",
});

const slow: NetworkCause = {
  got: "no answer in time",
  fix: "See whether the provider is up, and whether a firewall or proxy lets this machine through to it (try curl from here).",
};

const cut: NetworkCause = {
  got: "the connection was cut",
  fix: "See whether the provider is up and what it logs. A plain http port that is spoken to in https, or the other way round, does this too.",
};

const causes: Readonly<Record<string, NetworkCause>> = {
  ENOTFOUND: {
    got: "the host name is not known (DNS)",
    fix: "Compare the host in the issuer or endpoint with the provider's documentation, and see that this machine can resolve it.",
  },
  EAI_AGAIN: {
    got: "the host name cannot be looked up at the moment (DNS)",
    fix: "See whether this machine has a DNS server it can reach; in a container, whether it has a network.",
  },
  ECONNREFUSED: {
    got: "the connection was refused: nothing listens at that host and port",
    fix: "See that the provider runs and that host and port are right. Inside a container localhost is the container itself: use a name that leads to the provider from there and in the browser.",
  },
  EHOSTUNREACH: slow,
  ENETUNREACH: slow,
  ETIMEDOUT: slow,
  UND_ERR_CONNECT_TIMEOUT: slow,
  UND_ERR_HEADERS_TIMEOUT: slow,
  UND_ERR_BODY_TIMEOUT: slow,
  TimeoutError: slow,
  DeadlinePassed: {
    got: "no answer in time: a sign-in may take 10 seconds in all, with everything asked of the provider before this",
    fix: "See which endpoints of the provider are slow (curl), this one or those before it: discovery, token, keys, userinfo.",
  },
  ECONNRESET: cut,
  EPIPE: cut,
  UND_ERR_SOCKET: cut,
  DEPTH_ZERO_SELF_SIGNED_CERT: certificate("the certificate is self-signed"),
  SELF_SIGNED_CERT_IN_CHAIN: certificate("the certificate's authority is self-signed and not known here"),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificate(
    "the certificate's authority is not known here, or a chain is incomplete",
  ),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: certificate("the certificate's authority is not known here"),
  CERT_HAS_EXPIRED: {
    got: "the certificate has expired",
    fix: "Renew the provider's certificate; if it is good, set the clock of this machine (NTP).",
  },
  CERT_NOT_YET_VALID: {
    got: "the certificate is not valid yet",
    fix: "Set the clock of this machine (NTP): it is behind.",
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    got: "the certificate is for another host name",
    fix: "Use the host name the certificate is for, in the issuer too.",
  },
  ERR_SSL_WRONG_VERSION_NUMBER: {
    got: "the port does not speak TLS",
    fix: "Use the https port of the provider; http is allowed on loopback only.",
  },
  ERR_SSL_PACKET_LENGTH_TOO_LONG: {
    got: "the port does not speak TLS",
    fix: "Use the https port of the provider; http is allowed on loopback only.",
  },
};

/** Fetch §2.9: ports of other protocols. The error has no code, only this text. */
const badPort: NetworkCause = {
  got: "fetch refuses this port, which belongs to another protocol (bad port)",
  fix: "Have the provider listen at another port, e.g. 443, 8080 or 8443.",
};

/** Finds the cause in an error or what caused it. */
export function networkCause(thrown: unknown): NetworkCause {
  const names = namesOf(thrown);
  for (const name of names) {
    const known = causes[name];
    if (known !== undefined) return { ...known, got: `${known.got} (${name})` };
  }
  if ((thrown as { cause?: { message?: unknown } } | undefined)?.cause?.message === "bad port") return badPort;
  return { got: names.at(-1) ?? "an error without a name", fix: "Try curl from this machine to the same address." };
}

/** Codes and names, from the outside in; at most a few, as a cause may be its own cause. */
function namesOf(thrown: unknown): string[] {
  const names: string[] = [];
  for (let at = thrown, depth = 0; typeof at === "object" && at !== null && depth < 5; depth++) {
    const { code, name, cause, errors } = at as { code?: unknown; name?: unknown; cause?: unknown; errors?: unknown };
    for (const one of [name, code]) if (typeof one === "string" && /^\w{2,60}$/.test(one)) names.push(one);
    at = cause ?? (Array.isArray(errors) ? errors[0] : undefined);
  }
  return names;
}
