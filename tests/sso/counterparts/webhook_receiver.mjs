// What the reference implementation of Standard Webhooks says of messages: {name: {secret, headers, body}} to {name: verdict}.
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const messages = JSON.parse(readFileSync(0));
const verdicts = {};
for (const [name, { secret, headers, body }] of Object.entries(messages)) {
  try {
    const verified = new Webhook(secret).verify(Buffer.from(body, "base64"), headers);
    verdicts[name] = JSON.stringify(verified) === JSON.stringify(JSON.parse(Buffer.from(body, "base64"))) ? "verified" : "changed";
  } catch (error) {
    verdicts[name] = error.message;
  }
}
console.log(JSON.stringify(verdicts));
