/** A provider of our own beside GitHub and the others, with the app as its client. */
import { defineConfig } from "valetkey/config";

const app = process.env.EXAMPLE_APP_URL ?? "http://localhost:4007";

export default defineConfig({
  clients: [
    {
      client_id: "social-login",
      // Made anew by start.ts at each start and handed to both sides, so there is no secret in the repository.
      client_secret: process.env.EXAMPLE_APP_SECRET,
      client_name: "Social login",
      client_uri: app,
      redirect_uris: [`${app}/auth/callback/valetkey`],
      post_logout_redirect_uris: [`${app}/`],
      grant_types: ["authorization_code", "refresh_token"],
    },
  ],
  // Short, so that you can watch the app go on after a token has expired.
  lifetimes: { access: Number(process.env.EXAMPLE_ACCESS_SECONDS ?? 60) },
});
