/**
 * One deadline for everything a sign-in asks of its provider: discovery, keys, tokens, userinfo and the profile together.
 *
 * RFC 9700 §4 (nothing the other side does may hold us), RFC 9110 §15.6.4.
 * Guarantees that whoever comes back has an answer in time, however many endpoints are slow; and that what is fetched for
 * everybody, metadata and keys, is waited for no longer, but not cut off for the others.
 */
import { JwksUnavailable } from "@valetkey/protocol/jose";
import { ClientError } from "../client-error.ts";
import type { App } from "./app.ts";
import type { Issuer } from "./issuer.ts";
import type { Remote } from "./remote.ts";

/** Milliseconds. */
const signInTime = 10_000;

/** Why an exchange was cut off: `networkCause` knows it by its name. */
class DeadlinePassed extends Error {
  override readonly name = "DeadlinePassed";
}

/** Runs a part of a sign-in with an app whose exchanges all end with the deadline, as `issuer_unavailable`. */
export async function withDeadline<T>(app: App, run: (app: App) => Promise<T>): Promise<T> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new DeadlinePassed("the sign-in has taken too long")), signInTime);
  try {
    return await run(bounded(app, deadline.signal));
  } finally {
    clearTimeout(timer);
  }
}

function bounded(app: App, deadline: AbortSignal): App {
  const remotes = new Map([...app.remotes].map(([name, remote]) => [name, boundedRemote(remote, deadline)]));
  return {
    ...app,
    remotes,
    fetch(url, init = {}) {
      const signal = init.signal ? AbortSignal.any([init.signal, deadline]) : deadline;
      return app.fetch(url, { ...init, signal });
    },
  };
}

function boundedRemote(remote: Remote, deadline: AbortSignal): Remote {
  if (remote.kind === "oauth1") return remote;
  return { ...remote, issuerOf: boundedIssuer(remote.issuerOf, remote.issuer, deadline) };
}

function boundedIssuer(of: Issuer, issuer: string, deadline: AbortSignal): Issuer {
  const late = () =>
    new ClientError("issuer_unavailable", `the metadata of ${issuer} did not come in time`, {
      cause: deadline.reason,
      fix: "See whether the provider is up, and how long its discovery document takes (curl).",
    });
  return {
    ...of,
    metadata: () => before(deadline, of.metadata(), late),
    async keys() {
      const find = await before(deadline, of.keys(), late);
      return (header) =>
        before(deadline, find(header), () => new JwksUnavailable(`the keys of ${issuer} did not come in time`));
    },
  };
}

/** Waits for a promise that others wait for too, until the deadline. */
function before<T>(deadline: AbortSignal, awaited: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(late());
    if (deadline.aborted) stop();
    deadline.addEventListener("abort", stop, { once: true });
    awaited.then(resolve, reject).finally(() => deadline.removeEventListener("abort", stop));
  });
}
