/**
 * The person in front of the browser: opens what the suite asks for, signs in, allows, signs out, and looks at what is there.
 *
 * Works with the ids our pages promise to scripts. Guarantees that a picture is of a page of ours as it was shown, before
 * anything was typed.
 */
import type { BrowserContext, Page } from "@valetkey/test-support/chromium";
import { person } from "./server-under-test.ts";
import type { Visit } from "./suite.ts";

const maxPages = 12;
const patience = 15_000;

/** What the person wants: to sign in and allow, to cancel at the first page that lets them, or only to see the first page. */
export type Wish = "agree" | "cancel" | "look";

export interface Seen {
  /** The pages of ours, as PNG, as they came. */
  readonly pictures: readonly Buffer[];
  /** The browser was sent on to the suite in the end. */
  readonly sentOn: boolean;
}

/** Opens a page the suite asks for and goes on to wherever that leads. */
export async function visit(
  context: BrowserContext,
  issuer: string,
  { url, method }: Visit,
  wish: Wish,
): Promise<Seen> {
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  const pictures: Buffer[] = [];
  try {
    await open(page, url, method);
    while (pictures.length < maxPages && isAt(page, issuer)) {
      pictures.push(await page.screenshot({ fullPage: true }));
      if (wish === "look" || !(await answer(page, wish))) break;
    }
    // The suite's own page sends on what it was given, and says so.
    const sentOn = !isAt(page, issuer);
    if (sentOn) await page.waitForSelector("#submission_complete", { timeout: 5_000 }).catch(() => {});
    return { pictures, sentOn };
  } finally {
    await page.close();
  }
}

async function open(page: Page, url: string, method: string): Promise<void> {
  if (method !== "POST") {
    await page.goto(url, { waitUntil: "load" });
    return;
  }
  const { origin, pathname, searchParams } = new URL(url);
  const fields = [...searchParams]
    .map(([name, value]) => `<input type="hidden" name="${quoted(name)}" value="${quoted(value)}">`)
    .join("");
  await page.setContent(
    `<form method="post" action="${quoted(origin + pathname)}">${fields}<button>go</button></form>`,
  );
  await press(page, "button");
}

const quoted = (text: string) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

const isAt = (page: Page, issuer: string) => page.url() === issuer || page.url().startsWith(`${issuer}/`);

/** Does what the page asks for. False: it asks for nothing. */
async function answer(page: Page, wish: Wish): Promise<boolean> {
  if (wish === "cancel" && (await page.locator("#cancel").count()) > 0) {
    await press(page, "#cancel");
    return true;
  }
  if ((await page.locator("#password").count()) > 0) {
    await page.fill("#username", person.username);
    await page.fill("#password", person.password);
    await press(page, "#submit");
    return true;
  }
  for (const button of ["#allow", "#confirm"]) {
    if ((await page.locator(button).count()) === 0) continue;
    await press(page, button);
    return true;
  }
  return false;
}

async function press(page: Page, button: string): Promise<void> {
  await Promise.all([page.waitForEvent("load"), page.click(button)]);
}
