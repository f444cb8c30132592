/**
 * A browser program, to be named by `BROWSER`: opens the address in its last argument, follows it to where it leads on this
 * computer, and ends. `CLI_BROWSER_ISSUER` names the issuer.
 */
import { createBrowser } from "./browser.ts";

const page = await createBrowser(process.env.CLI_BROWSER_ISSUER ?? "").open(process.argv.at(-1) ?? "");
if (!page.foreign) throw new Error(`stuck at ${page.url}: ${page.status}`);
await fetch(page.url);
