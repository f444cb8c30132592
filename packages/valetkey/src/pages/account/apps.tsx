/**
 * `/account/apps`: what the person has allowed which app, and taking it back (OpenID Connect Core §11, ASVS 5.0 §10.7.3).
 */
import type { ConnectedApp } from "@valetkey/provider/options";
import { Hono } from "hono";
import { seeOther } from "../layout.tsx";
import { Token, When } from "../parts.tsx";
import { type Env, pathOf, readOwnForm, type Site } from "../site.ts";
import { forVisitor, showAccount } from "./frame.tsx";

/** `words`: scope → words, as on the consent page. */
export function appsPage(site: Site, words: Readonly<Record<string, string>>): Hono<Env> {
  const app = new Hono<Env>();
  const { grants } = site.provider;

  app.get("/account/apps", (c) =>
    forVisitor(site, c, async ({ person }) => {
      const apps = await grants.list(person.subject);
      return showAccount(site, c, { person, title: "Connected apps", section: "/account/apps" }, (token) => (
        <section class="card" aria-labelledby="allowed">
          <h2 id="allowed">Apps you have allowed</h2>
          {apps.length === 0 && <p>There are none. An app appears here when you allow it to use your account.</p>}
          <ul class="rows">
            {apps.map((one) => (
              <Row site={site} app={one} words={words} token={token} />
            ))}
          </ul>
        </section>
      ));
    }),
  );

  app.post("/account/apps", (c) =>
    forVisitor(site, c, async ({ person }) => {
      const { client_id } = await readOwnForm(site, c.req.raw);
      if (client_id !== undefined) await grants.revoke(person.subject, client_id);
      return seeOther(site, pathOf(site, "/account/apps", { done: "app" }));
    }),
  );

  return app;
}

interface RowProps {
  readonly site: Site;
  readonly app: ConnectedApp;
  readonly words: Readonly<Record<string, string>>;
  readonly token: string;
}

function Row({ site, app, words, token }: RowProps) {
  return (
    <li>
      <div>
        <strong>
          <bdi>{app.client_name}</bdi>
        </strong>{" "}
        {app.host !== undefined && <bdi class="host">{app.host}</bdi>}{" "}
        {app.offline && <span class="badge">Also when you are away</span>}
        <ul class="scopes">
          {app.scope
            .filter((scope) => scope !== "openid" && scope !== "offline_access")
            .map((scope) => (
              <li>{Object.hasOwn(words, scope) ? words[scope] : scope}</li>
            ))}
        </ul>
        <p class="detail">
          Since <When at={app.since} />
        </p>
      </div>
      <form method="post" action={pathOf(site, "/account/apps")}>
        <Token token={token} />
        <button type="submit" name="client_id" value={app.client_id} aria-label={`Remove access of ${app.client_name}`}>
          Remove access
        </button>
      </form>
    </li>
  );
}
