/**
 * How it ended for whoever decided about another device (RFC 8628 §3.3, CIBA Core §8).
 */
import { showPage } from "./layout.tsx";
import type { Look } from "./site.ts";

const words = {
  device: {
    approved: {
      title: "Your device is connected",
      text: "Go back to your device: it goes on by itself in a few seconds. You can close this page.",
    },
    denied: {
      title: "The device was not connected",
      text: "It gets no access. If somebody sent you the code, it is good that you refused. You can close this page.",
    },
    failed: {
      title: "The device is not connected yet",
      text: "You could not be signed in the way it asks for. Enter its code again to try once more.",
    },
  },
  backchannel: {
    approved: {
      title: "You have allowed it",
      text: "It goes on where it was started, in a few seconds. You can close this page.",
    },
    denied: {
      title: "You have refused",
      text: "No access was given. You can close this page.",
    },
    failed: {
      title: "Nothing was decided",
      text: "The request is for somebody else, or asks for a sign-in that did not take place. It still waits.",
    },
  },
} as const;

export type Done = keyof (typeof words)["device"];

/** Reads `?done=`; nothing for what is none of the ends. */
export function doneWith(value: string | undefined): Done | undefined {
  return value === "approved" || value === "denied" || value === "failed" ? value : undefined;
}

/** Answers with the page that says so. */
export function showDone(look: Look, kind: keyof typeof words, done: Done): Promise<Response> {
  const { title, text } = words[kind][done];
  return showPage(
    look,
    { title },
    <div class="card">
      <h1 id="title" data-done={done}>
        {title}
      </h1>
      <p>{text}</p>
    </div>,
  );
}
