/**
 * DigitalOcean, Heroku, Netlify, Vercel, Webflow and WordPress.com, as documented.
 */
import { plain, registered, testDocumented } from "../lib/stand-in.test.ts";
import { digitalocean, heroku, netlify, vercel, webflow, wordpress } from "./hosting.ts";

testDocumented([
  {
    provider: digitalocean(registered),
    source: "https://docs.digitalocean.com/reference/api/digitalocean/#tag/Account",
    answers: {
      "POST https://cloud.digitalocean.com/v1/oauth/token": {
        ...plain,
        token_type: "bearer",
        scope: "read",
        info: { uuid: "b6fr89db" },
      },
      "GET https://api.digitalocean.com/v2/account": {
        account: {
          uuid: "b6fr89dbf6d9156cace5f3c78dc9851d957381ef",
          email: "sammy@digitalocean.com",
          email_verified: true,
          name: "Sammy the Shark",
          status: "active",
        },
      },
    },
    user: {
      sub: "b6fr89dbf6d9156cace5f3c78dc9851d957381ef",
      name: "Sammy the Shark",
      email: "sammy@digitalocean.com",
      email_verified: true,
    },
  },
  {
    provider: heroku(registered),
    source: "https://devcenter.heroku.com/articles/platform-api-reference#account",
    answers: {
      "POST https://id.heroku.com/oauth/token": { ...plain, user_id: "01234567", session_nonce: "2bf3ec81" },
      "GET https://api.heroku.com/account": {
        id: "01234567-89ab-cdef-0123-456789abcdef",
        name: "Tina Edmonds",
        email: "username@example.com",
        verified: true,
      },
    },
    user: {
      sub: "01234567-89ab-cdef-0123-456789abcdef",
      name: "Tina Edmonds",
      email: "username@example.com",
    },
  },
  {
    provider: netlify(registered),
    source: "https://open-api.netlify.com/#tag/user/operation/getCurrentUser",
    answers: {
      "POST https://api.netlify.com/oauth/token": { ...plain, created_at: 1 },
      "GET https://api.netlify.com/api/v1/user": {
        id: "5f9c",
        full_name: "Jane Doe",
        email: "jane@example.test",
        avatar_url: "https://avatars.example/j",
      },
    },
    user: { sub: "5f9c", name: "Jane Doe", email: "jane@example.test" },
  },
  {
    provider: vercel(registered),
    source: "https://vercel.com/docs/sign-in-with-vercel/tokens",
    answers: {
      "POST https://api.vercel.com/login/oauth/token": {
        ...plain,
        id_token: "e30.e30.e30",
        scope: "openid email profile",
      },
      "GET https://api.vercel.com/login/oauth/userinfo": {
        sub: "345e869043f1c55f8bdc837c",
        name: "John Doe",
        preferred_username: "john-doe",
        email: "john@example.test",
        email_verified: true,
      },
    },
    user: {
      sub: "345e869043f1c55f8bdc837c",
      name: "John Doe",
      username: "john-doe",
      email: "john@example.test",
      email_verified: true,
    },
  },
  {
    provider: webflow(registered),
    source: "https://developers.webflow.com/data/reference/token/authorized-by",
    answers: {
      "POST https://api.webflow.com/oauth/access_token": {
        access_token: "d59f",
        token_type: "bearer",
        scope: "authorized_user:read",
      },
      "GET https://api.webflow.com/v2/token/authorized_by": {
        id: "545bbecb7bdd6769632504a7",
        email: "some@email.com",
        firstName: "Some",
        lastName: "One",
      },
    },
    user: { sub: "545bbecb7bdd6769632504a7", name: "Some One", email: "some@email.com" },
  },
  {
    provider: wordpress(registered),
    source: "https://developer.wordpress.com/docs/api/1.1/get/me/",
    answers: {
      "POST https://public-api.wordpress.com/oauth2/token": {
        access_token: "YOUR_API_TOKEN",
        token_type: "bearer",
        blog_id: "0",
        scope: "auth",
      },
      "GET https://public-api.wordpress.com/rest/v1.1/me": {
        ID: 78972699,
        display_name: "Jane",
        username: "jane",
        email: "jane@example.test",
        email_verified: true,
        avatar_URL: "https://1.gravatar.com/a",
      },
    },
    user: { sub: "78972699", name: "Jane", username: "jane", email: "jane@example.test", email_verified: true },
  },
]);
