/**
 * `/device`: enter the code that a device shows. Ids: #user_code, #submit.
 *
 * RFC 8628 §3.3, §3.3.1, §5.1, §6.1. Guarantees that a link with the code in it does nothing until somebody presses the button, and
 * that unknown, expired and used codes look the same.
 */
import { isOAuthError } from "@valetkey/protocol/errors";
import { readUserCode } from "@valetkey/provider/user-code";
import { type Context, Hono } from "hono";
import { withPageHeaders } from "../page-headers.ts";
import { doneWith, showDone } from "./approval-done.tsx";
import { showPage } from "./layout.tsx";
import { Field, type FormError, Problems, Token } from "./parts.tsx";
import { type Env, pathOf, readOwnForm, type Site } from "./site.ts";
import { waitWords } from "./wait-words.ts";

export function devicePage(site: Site): Hono<Env> {
  const app = new Hono<Env>();

  app.get("/device", async (c) => {
    const done = doneWith(c.req.query("done"));
    if (done !== undefined) return showDone(site, "device", done);
    // Whatever is in the link, only what can be a code gets into the page.
    const code = readUserCode(c.req.query("user_code") ?? "");
    return show(site, c, { code, fromLink: code !== undefined });
  });

  app.post("/device", async (c) => {
    const request = c.req.raw;
    const { user_code = "" } = await readOwnForm(site, request);
    const code = readUserCode(user_code) ?? user_code.slice(0, 64);
    const again = (message: string, status: number, retryAfter?: number) =>
      show(site, c, { code, errors: [{ field: "user_code", message }], status, retryAfter });
    if (user_code.trim() === "") return again("Enter the code that your device shows.", 422);
    try {
      const entered = await site.provider.approvals.enter(request, user_code, c.env.peer);
      if (entered !== undefined) return withPageHeaders(entered, site.https, "away");
    } catch (thrown) {
      if (!isOAuthError(thrown) || thrown.status !== 429) throw thrown;
      const wait = Number(thrown.headers?.["Retry-After"] ?? 60);
      return again(`Too many codes were tried. Try again ${waitWords(wait)}.`, 429, wait);
    }
    return again("No device waits with this code. Check it, or get a new one on the device.", 422);
  });

  return app;
}

interface View {
  readonly code: string | undefined;
  /** It was in the link. */
  readonly fromLink?: boolean;
  readonly errors?: readonly FormError[];
  readonly status?: number;
  readonly retryAfter?: number | undefined;
}

function show(site: Site, c: Context<Env>, view: View): Promise<Response> {
  const { code, fromLink = false, errors = [], status = 200, retryAfter } = view;
  const { token, cookies } = site.csrf.issue(c.req.raw);
  const headers = retryAfter === undefined ? {} : { "Retry-After": String(retryAfter) };
  return showPage(
    site,
    { title: "Connect a device", forms: "away", status, cookies, headers },
    <div class="card">
      <h1 id="title">Connect a device</h1>
      <p class="lead">
        {fromLink ? "Check that your device shows this very code." : "Enter the code that your device shows."}
      </p>
      <Problems errors={errors} />
      <form method="post" action={pathOf(site, "/device")}>
        <Token token={token} />
        <Field
          id="user_code"
          label="Code"
          autocomplete="off"
          value={code}
          hint={fromLink ? undefined : "Eight letters, like BDWP-HQPK. Small letters, spaces and no dash will do, too."}
          errors={errors}
          focus={!fromLink}
          more={{ autocapitalize: "characters", maxlength: 64, class: "code" }}
        />
        <p class="detail">Go on only if you started this yourself, on a device you have with you.</p>
        <div class="buttons stacked">
          <button id="submit" class="main" type="submit">
            Continue
          </button>
        </div>
      </form>
    </div>,
  );
}
