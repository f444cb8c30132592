/**
 * `/approve`: what waits for the person's approval (OpenID CIBA Core §7, RFC 10027).
 *
 * Guarantees that the list is shown to its own person alone, and that a link to one request decides nothing: it leads to the consent
 * page, for the person it is for.
 */
import type { WaitingRequest } from "@valetkey/provider/options";
import { Hono } from "hono";
import { withPageHeaders } from "../page-headers.ts";
import { forVisitor, showAccount } from "./account/frame.tsx";
import { Origin } from "./approval-box.tsx";
import { doneWith, showDone } from "./approval-done.tsx";
import { PageProblem } from "./page-problem.ts";
import { type Env, type Look, pathOf, type Site } from "./site.ts";

export function approvePage(site: Site): Hono<Env> {
  const app = new Hono<Env>();
  const { approvals } = site.provider;

  app.get("/approve", async (c) => {
    const done = doneWith(c.req.query("done"));
    if (done !== undefined) return showDone(site, "backchannel", done);
    const id = c.req.query("request");
    if (id !== undefined) {
      const opened = await approvals.open(c.req.raw, id, c.env.peer);
      if (opened === undefined) throw new PageProblem("approval_over");
      return withPageHeaders(opened, site.https, "away");
    }
    return forVisitor(site, c, async ({ person }) => {
      const waiting = await approvals.list(person.subject);
      return showAccount(site, c, { person, title: "Requests", section: "/approve" }, () => (
        <section class="card" aria-labelledby="waiting">
          <h2 id="waiting">Waiting for you</h2>
          {waiting.length === 0 && (
            <p>There is nothing. When an app asks for you from another device, it appears here.</p>
          )}
          <ul class="rows">
            {waiting.map((one) => (
              <Row look={site} request={one} />
            ))}
          </ul>
        </section>
      ));
    });
  });

  return app;
}

function Row({ look, request }: { readonly look: Look; readonly request: WaitingRequest }) {
  const { id, client, binding_message } = request;
  return (
    <li>
      <div>
        <strong>
          <bdi>{client.client_name}</bdi>
        </strong>
        {binding_message !== undefined && (
          <p>
            <bdi>{binding_message}</bdi>
          </p>
        )}
        <Origin approval={request} network={undefined} />
      </div>
      <a
        class="button"
        href={pathOf(look, "/approve", { request: id })}
        aria-label={`Look at it: ${client.client_name}`}
      >
        Look at it
      </a>
    </li>
  );
}
