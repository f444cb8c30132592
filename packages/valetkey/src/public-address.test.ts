import assert from "node:assert/strict";
import { test } from "node:test";
import { kindOfAddress } from "./public-address.ts";

const kinds = {
  public: ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8", "64:ff9b::808:808"],
  local: [
    ...["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"],
    ...["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.100.100.200"],
    ...["fc00::1", "fd12:3456::1", "fd00:ec2::254", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::c0a8:101"],
  ],
  never: [
    ...[
      "0.0.0.0",
      "0.1.2.3",
      "169.254.169.254",
      "168.63.129.16",
      "192.0.0.192",
      "192.0.2.1",
      "198.18.0.1",
      "198.51.100.1",
    ],
    ...[
      "203.0.113.9",
      "224.0.0.1",
      "240.0.0.1",
      "255.255.255.255",
      "::",
      "::2",
      "::127.0.0.1",
      "fe80::1",
      "fe80::1%eth0",
    ],
    ...[
      "fec0::1",
      "ff02::1",
      "100::1",
      "2001:db8::1",
      "2001::1",
      "2002:7f00:1::",
      "64:ff9b:1::1",
      "3fff::1",
      "5f00::1",
    ],
    ...["4000::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "", "localhost", "1.2.3", "8.8.8.8%1"],
  ],
} as const;

for (const [kind, addresses] of Object.entries(kinds)) {
  test(`addresses that are ${kind} (RFC 6890, RFC 4291 §2.5.5.2, RFC 6052 §2.1)`, () => {
    for (const address of addresses) assert.equal(kindOfAddress(address), kind, address);
  });
}
