/**
 * What a person has allowed, for the page that lists it and for operators (CN-04; RFC 7009 §2.1 by the person's own hand).
 *
 * Guarantees that after `revoke` no token the client got for this person works, and that the client must ask again.
 */
import { findClient, hostOf } from "./clients.ts";
import { consentedScopes } from "./consent.ts";
import { listAll, removeAll } from "./cut.ts";
import { queueNotices, signedInAt, startDelivery } from "./logout/notices.ts";
import type { Op } from "./op.ts";
import type { ConnectedApp, Grants } from "./options.ts";

/** The `Grants` of the public face. */
export function grantsOf(op: Op): Grants {
  return {
    async list(subject) {
      const apps = new Map<string, { scope: Set<string>; offline: boolean; since: number }>();
      const note = (client: string | undefined, scope: readonly string[], offline: boolean, since: number) => {
        if (client === undefined) return;
        const app = apps.get(client) ?? { scope: new Set<string>(), offline: false, since };
        for (const name of scope) app.scope.add(name);
        apps.set(client, { ...app, offline: app.offline || offline, since: Math.min(app.since, since) });
      };
      for (const consent of await listAll(op, "consent", { subject })) {
        note(consent.client, consentedScopes(consent), false, consent.data.updatedAt);
      }
      for (const { client, data } of await listAll(op, "grant", { subject })) {
        note(client, data.scope, data.offline, data.createdAt);
      }
      const listed = await Promise.all([...apps].map(([client_id, app]) => describe(op, client_id, app)));
      return listed.filter((app) => app !== undefined);
    },

    async revoke(subject, client) {
      const kinds = ["consent", "grant"] as const;
      // In this order: without its grant nothing under it works, whatever comes in between.
      for (const kind of kinds) await removeAll(op, await listAll(op, kind, { subject, client }));
      op.log.info({ event: "grants.revoked", subject, client_id: client }, "a person disconnected an application");
    },

    async forget(subject) {
      const queued = await queueNotices(op, await signedInAt(op, subject, () => true));
      const kinds = ["session", "consent", "grant"] as const;
      for (const kind of kinds) await removeAll(op, await listAll(op, kind, { subject }));
      startDelivery(op, queued);
      op.log.info({ event: "subject.forgotten", subject }, "everything of a person was removed");
    },
  };
}

async function describe(
  op: Op,
  client_id: string,
  { scope, offline, since }: { scope: Set<string>; offline: boolean; since: number },
): Promise<ConnectedApp | undefined> {
  // A client that was removed has nothing that works.
  const client = await findClient(op, client_id);
  if (client === undefined) return undefined;
  const { client_name = client_id, client_uri } = client.metadata;
  const host = hostOf(client);
  return {
    client_id,
    client_name,
    ...(client_uri === undefined ? {} : { client_uri }),
    ...(host === undefined ? {} : { host }),
    scope: [...scope],
    offline,
    since,
  };
}
