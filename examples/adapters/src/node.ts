/** Sign-in in bare `node:http`. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { authOf, requireUser, valetkey } from "@valetkey/client/node";
import { api, oauth, port, ready } from "./oauth.ts";
import { page, type } from "./page.ts";

const signIn = valetkey(oauth);
const signedIn = requireUser();

async function routes(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const html = (answer?: unknown) => res.setHeader("Content-Type", type).end(page(authOf(req)?.user, answer));
  if (req.url === "/") html();
  else if (req.url === "/me") await signedIn(req, res, () => html());
  else if (req.url === "/call") {
    await signedIn(req, res, async () => html(await (await authOf(req)?.fetch("acme", api))?.json()));
  } else res.writeHead(404).end();
}

createServer((req, res) => {
  signIn(req, res, () => routes(req, res)).catch((error: unknown) => {
    console.error(error);
    if (!res.headersSent) res.writeHead(500);
    res.end();
  });
}).listen(port, "localhost", ready);
