/**
 * `/account/sessions`: where the person is signed in, and ending it there (ASVS 5.0 §7.4.3, §7.5.2).
 */
import type { ListedSession } from "@valetkey/provider/options";
import { Hono } from "hono";
import { seeOther } from "../layout.tsx";
import { Token, When } from "../parts.tsx";
import { type Env, type Look, pathOf, readOwnForm, type Site } from "../site.ts";
import { deviceWords } from "./device-words.ts";
import { forVisitor, showAccount } from "./frame.tsx";

export function sessionsPage(site: Site): Hono<Env> {
  const app = new Hono<Env>();
  const { sessions } = site.provider;

  app.get("/account/sessions", (c) =>
    forVisitor(site, c, async ({ person }) => {
      const listed = [...(await sessions.list(c.req.raw, person.subject))].sort(
        (a, b) => Number(b.current) - Number(a.current) || b.lastSeen - a.lastSeen,
      );
      return showAccount(site, c, { person, title: "Sessions", section: "/account/sessions" }, (token) => (
        <section class="card" aria-labelledby="where">
          <h2 id="where">Where you are signed in</h2>
          <ul class="rows">
            {listed.map((session) => (
              <Row look={site} session={session} token={token} />
            ))}
          </ul>
          {listed.length > 1 && (
            <form method="post" action={pathOf(site, "/account/sessions")}>
              <Token token={token} />
              <div class="buttons">
                <button id="end-others" type="submit" name="action" value="end-others">
                  Sign out everywhere else
                </button>
              </div>
            </form>
          )}
        </section>
      ));
    }),
  );

  app.post("/account/sessions", (c) =>
    forVisitor(site, c, async ({ session, person }) => {
      const form = await readOwnForm(site, c.req.raw);
      if (form.action === "end-others") {
        await sessions.endAll(person.subject, { exceptSid: session.sid });
        return seeOther(site, pathOf(site, "/account/sessions", { done: "sessions" }));
      }
      // Only sessions of this very person can be named: another's sid ends nothing.
      const ended = form.sid !== undefined && (await sessions.endOne(person.subject, form.sid));
      return seeOther(site, pathOf(site, "/account/sessions", { done: ended ? "session" : undefined }));
    }),
  );

  return app;
}

interface RowProps {
  readonly look: Look;
  readonly session: ListedSession;
  readonly token: string;
}

function Row({ look, session, token }: RowProps) {
  const device = deviceWords(session.agent);
  return (
    <li>
      <div>
        <strong>{device}</strong> {session.current && <span class="badge">This device</span>}
        <p class="detail">
          Signed in <When at={session.createdAt} />,{" "}
          {session.current ? (
            "active now"
          ) : (
            <>
              last active <When at={session.lastSeen} />
            </>
          )}
        </p>
      </div>
      {!session.current && (
        <form method="post" action={pathOf(look, "/account/sessions")}>
          <Token token={token} />
          <button type="submit" name="sid" value={session.sid} aria-label={`Sign out ${device}`}>
            Sign out
          </button>
        </form>
      )}
    </li>
  );
}
