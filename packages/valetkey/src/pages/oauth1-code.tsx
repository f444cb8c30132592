/**
 * `/oauth1/code`: the code a person types into an application that cannot be sent an answer. Ids: #title, #verifier.
 *
 * RFC 5849 §2.2 (`oob`), §4.9. Guarantees that nothing of the link gets into the page but what can be a code, and the registered name
 * of an application of this server.
 */
import { readUserCode } from "@valetkey/provider/user-code";
import { Hono } from "hono";
import { doneWith } from "./approval-done.tsx";
import { showPage } from "./layout.tsx";
import { Notice } from "./parts.tsx";
import type { Env, Site } from "./site.ts";

export function oauth1CodePage(site: Site): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/oauth1/code", async (c) => {
    const client = await site.provider.clients.find(c.req.query("client_id") ?? "");
    const name =
      client === undefined || client.disabled ? undefined : (client.metadata.client_name ?? client.client_id);
    const code = readUserCode(c.req.query("oauth_verifier") ?? "");
    const done = doneWith(c.req.query("done")) ?? "failed";
    if (done === "denied") return showEnd(site, "You have refused", "No access was given. You can close this page.");
    if (done !== "approved" || code === undefined || name === undefined) {
      return showEnd(site, "Nothing was decided", "Go back to the application and start again there.");
    }
    return showPage(
      site,
      { title: `Your code for ${name}` },
      <div class="card">
        <h1 id="title" data-done="approved">
          Your code for <bdi>{name}</bdi>
        </h1>
        <p>Type it in where you started:</p>
        <p class="user-code" id="verifier">
          {code}
        </p>
        <Notice kind="warning">
          <p>
            Whoever has this code gets the access you have just allowed. Nobody but <bdi>{name}</bdi> needs it: do not
            tell it to anybody who asks for it.
          </p>
        </Notice>
        <p class="detail">It works once, and not for long. When you have typed it in, you can close this page.</p>
      </div>,
    );
  });

  return app;
}

function showEnd(site: Site, title: string, text: string): Promise<Response> {
  return showPage(
    site,
    { title },
    <div class="card">
      <h1 id="title">{title}</h1>
      <p>{text}</p>
    </div>,
  );
}
