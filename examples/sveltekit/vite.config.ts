import adapter from "@sveltejs/adapter-node";
import { sveltekit } from "@sveltejs/kit/vite";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [
    sveltekit({
      adapter: adapter(),
      // Where the app is reached, fixed when it is built. adapter-node knows nothing else of it: without this line `event.url` is
      // on https, remote functions are refused, and so are the app's own forms wherever SvelteKit checks them itself.
      paths: { origin: `http://localhost:${process.env.PORT ?? 3000}` },
      // SvelteKit refuses forms from elsewhere before any hook runs. A provider that posts its answer (Sign in with Apple) would
      // have to be named here; one that says that somebody signed out there (back-channel logout) comes from no origin at all. So
      // everything may come in, and the hook `checkForms` is the check for all but /auth/*, which checks for itself.
      csrf: { trustedOrigins: ["*"] },
    }),
  ],
});
