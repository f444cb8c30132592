/**
 * A request of which only the first half has been sent: under way for sure, until the test sends the rest.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { basic, type TestClient } from "./flow.ts";
import { until } from "./until.ts";

export interface HalfSent {
  /** Sends the rest; resolves to all that came back. */
  finish(): Promise<string>;
}

/** Begins to introspect a token at a server on loopback; resolves when the server has seen the head of the request. */
export async function halfSent(origin: string, client: TestClient, token: string): Promise<HalfSent> {
  const socket = connect(Number(new URL(origin).port), "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    answer += text;
  });
  await once(socket, "connect");
  const body = `token=${token}`;
  const head = [
    "POST /introspect HTTP/1.1",
    "Host: localhost",
    `Authorization: ${basic(client.client_id, client.client_secret ?? "")}`,
    "Content-Type: application/x-www-form-urlencoded",
    `Content-Length: ${body.length}`,
    "Expect: 100-continue",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  await until(() => answer.startsWith("HTTP/1.1 100"), "100 Continue");
  socket.write(body.slice(0, 10));
  return {
    async finish() {
      const closed = once(socket, "close");
      socket.write(body.slice(10));
      await closed;
      return answer.slice(answer.indexOf("\r\n\r\n") + 4);
    },
  };
}
