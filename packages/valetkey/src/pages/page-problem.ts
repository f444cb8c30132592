/**
 * What can be wrong with a visit to one of our pages, in words for the person there.
 *
 * RFC 9110 §15.5. Guarantees that each says what happened and what the person can do; none says more than that.
 */

interface Words {
  readonly status: number;
  readonly title: string;
  readonly happened: string;
  readonly advice: string;
}

const words = {
  interaction_over: {
    status: 400,
    title: "This page has expired",
    happened: "The request that brought you here is over, or it was started in another browser.",
    advice: "Go back to the app you came from and start again there.",
  },
  form_expired: {
    status: 403,
    title: "This page was open too long",
    happened: "What you sent could not be matched with the page it came from, so nothing was done.",
    advice: "Open the page again and repeat what you did.",
  },
  no_cookie: {
    status: 403,
    title: "Your browser did not send our cookie",
    happened: "Without it we cannot tell that the form came from you, so nothing was done.",
    advice: "Allow cookies for this site, open the page again and repeat what you did.",
  },
  cross_site: {
    status: 403,
    title: "This form came from another site",
    happened: "Another site tried to send a form in your name, so nothing was done.",
    advice: "If you wanted to do this, open the page here and do it again.",
  },
  setup_link: {
    status: 404,
    title: "This set-up link does not work",
    happened: "It was used already, has been replaced by a newer one, or an account exists.",
    advice: "If you already have an account, sign in. Otherwise restart the server: it prints a new link.",
  },
  reset_link: {
    status: 404,
    title: "This link does not work",
    happened: "Links to set a password work once and for 24 hours. This one was used, has expired or was replaced.",
    advice: "Ask whoever sent it to you for a new one.",
  },
  sign_in_again: {
    status: 403,
    title: "You need to sign in again",
    happened: "The app you came from wants to be sure that it is you, and you have not signed in again since.",
    advice: "Sign in again with your password, even if you are signed in.",
  },
  approval_over: {
    status: 400,
    title: "There is nothing left to decide",
    happened: "The request was answered already, or its time is over.",
    advice: "If you still want it, start again there. Your account page lists what waits for you.",
  },
  logout_over: {
    status: 400,
    title: "This page has expired",
    happened: "The request to sign out is over, or it was started in another browser.",
    advice: "Go back to the app you came from, or sign out on your account page.",
  },
} as const satisfies Record<string, Words>;

export type ProblemCode = keyof typeof words;

/** Thrown by a page that cannot do what it is for; shown as an error page with its own words. */
export class PageProblem extends Error {
  override readonly name = "PageProblem";
  readonly code: ProblemCode;
  readonly words: Words;
  constructor(code: ProblemCode) {
    super(code);
    this.code = code;
    this.words = words[code];
  }
}
