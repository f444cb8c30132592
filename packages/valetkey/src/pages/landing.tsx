/**
 * `/`: says that this is the right place, and nothing about its state.
 */
import { Hono } from "hono";
import { showPage } from "./layout.tsx";
import { type Env, pathOf, type Site } from "./site.ts";

export function landingPage(site: Site): Hono<Env> {
  return new Hono<Env>().get("/", () =>
    showPage(
      site,
      { title: "Welcome" },
      <div class="card">
        <h1 id="title">
          <bdi>{site.name}</bdi>
        </h1>
        <p>Apps send you here to sign in and to ask what they may do. Open your account to see and change that.</p>
        <p>
          <a class="button main" href={pathOf(site, "/account")}>
            Your account
          </a>
        </p>
      </div>,
    ),
  );
}
